const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const time = { type: 'string', format: 'date-time' } as const;
const names = { type: 'array', items: text } as const;
const textByField = { type: 'object', additionalProperties: text } as const;
const listOf = (name: string) => ({ type: 'array', items: { $ref: `#/$defs/${name}` } }) as const;
const form = {
  type: 'object',
  propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_]{0,63}$' },
  additionalProperties: { type: ['string', 'null'] },
} as const;

/** An object with these members, of which those in `optional` may be absent. */
function object(properties: Record<string, object>, optional: Record<string, object> = {}) {
  return {
    type: 'object',
    properties: { ...properties, ...optional },
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

/**
 * The settings contract, version 1, as a JSON Schema (2020-12): each body is under `$defs`, by the name
 * of its type.
 *
 * @public
 */
export const settingsSchema: Readonly<Record<string, unknown>> = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:provider-vault:settings:1',
  $ref: '#/$defs/SettingsOverview',
  $defs: {
    SettingsOverview: object({
      version: { const: 1 },
      providers: listOf('ProviderView'),
      activity: listOf('ActivityEntry'),
      may: object({ read: flag, write: flag, test: flag, remove: flag }),
    }),
    ProviderView: object(
      {
        name: text,
        label: text,
        state: { enum: ['configured', 'incomplete', 'missing', 'unreadable', 'overridden'] },
        missing: names,
        ready: { type: 'object', additionalProperties: flag },
        capabilities: { type: 'object', additionalProperties: names },
        methods: {
          type: 'array',
          items: object({ id: text, label: text, fields: names }, { recommended: flag }),
        },
        fields: listOf('FieldView'),
        etag: { type: ['string', 'null'] },
        testable: flag,
        webhooks: { type: 'array', items: object({ label: text, url: text }) },
      },
      {
        keyId: text,
        health: object(
          { state: { enum: ['ok', 'failing', 'expiring', 'needs_reauthorization'] } },
          { since: time, checkedAt: time, code: text },
        ),
        updatedAt: time,
        updatedBy: text,
        reason: text,
      },
    ),
    FieldView: object(
      { name: text, label: text, secret: flag, set: flag },
      {
        masked: text,
        help: text,
        example: text,
        pattern: text,
        patternFlags: text,
        destination: flag,
      },
    ),
    ActivityEntry: object(
      {
        at: time,
        provider: text,
        action: text,
        outcome: { enum: ['ok', 'refused', 'failed'] },
        count: { type: 'integer', minimum: 1 },
        fields: names,
        message: text,
      },
      { actor: text },
    ),
    SaveRequest: object({ fields: form }),
    TestRequest: object({}, { fields: form }),
    TestResult: object({ ok: flag, message: text }, { code: text, errors: textByField }),
    SettingsFailure: object(
      { error: object({ code: text, message: text }) },
      { errors: textByField, current: { $ref: '#/$defs/ProviderView' } },
    ),
  },
};

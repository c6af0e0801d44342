import type {
  ActivityEntry,
  FieldView,
  HealthView,
  MethodView,
  Permissions,
  ProviderView,
  SaveRequest,
  SettingsFailure,
  SettingsOverview,
  TestRequest,
  TestResult,
  WebhookView,
} from './contract.ts';

type Optional<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];
type Required<T> = Exclude<keyof T, Optional<T>>;

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

/** The schema of a `T`. The compiler checks that it has the same members, and the same optional ones. */
function object<T>(
  properties: Readonly<Record<Required<T>, object>>,
  optional: Readonly<Record<Optional<T>, object>>,
) {
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
    SettingsOverview: object<SettingsOverview>(
      {
        version: { const: 1 },
        providers: listOf('ProviderView'),
        activity: listOf('ActivityEntry'),
        may: object<Permissions>({ read: flag, write: flag, test: flag, remove: flag }, {}),
        account: text,
      },
      {},
    ),
    ProviderView: object<ProviderView>(
      {
        name: text,
        label: text,
        state: { enum: ['configured', 'incomplete', 'missing', 'unreadable', 'overridden'] },
        missing: names,
        ready: { type: 'object', additionalProperties: flag },
        capabilities: { type: 'object', additionalProperties: names },
        methods: {
          type: 'array',
          items: object<MethodView>(
            { id: text, label: text, fields: names },
            { recommended: flag },
          ),
        },
        fields: listOf('FieldView'),
        etag: { type: ['string', 'null'] },
        testable: flag,
        webhooks: { type: 'array', items: object<WebhookView>({ label: text, url: text }, {}) },
      },
      {
        keyId: text,
        health: object<HealthView>(
          { state: { enum: ['ok', 'failing', 'expiring', 'needs_reauthorization'] } },
          { since: time, checkedAt: time, code: text, message: text },
        ),
        updatedAt: time,
        updatedBy: text,
        reason: text,
      },
    ),
    FieldView: object<FieldView>(
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
    ActivityEntry: object<ActivityEntry>(
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
    SaveRequest: object<SaveRequest>({ fields: form }, {}),
    TestRequest: object<TestRequest>({}, { fields: form }),
    TestResult: object<TestResult>(
      { ok: flag, message: text },
      { code: text, errors: textByField },
    ),
    SettingsFailure: object<SettingsFailure>(
      { error: object<SettingsFailure['error']>({ code: text, message: text }, {}) },
      { errors: textByField, current: { $ref: '#/$defs/ProviderView' } },
    ),
  },
};

import { invalidArgument } from '../errors.ts';
import { assertFieldName, assertProviderName } from '../record/ref.ts';

/**
 * One field of a provider's credentials.
 *
 * @public
 */
export interface FieldDefinition {
  /** What a settings page calls it. */
  readonly label: string;
  /** Whether it must be masked. Account ids, phone numbers and senders are not secret. */
  readonly secret: boolean;
  /** The environment variable that overrides it in an emergency. */
  readonly env?: string;
  /** Its flat key in the old system, and in `getSecret`: `twilio_auth_token`. */
  readonly settingsKey?: string;
  /** What a value must match when it is written. */
  readonly pattern?: RegExp;
  /** What a value looks like, for messages and placeholders; never a real one. */
  readonly example?: string;
}

/**
 * What this library knows of a provider. One definition drives types, validation on write,
 * environment override, flat keys, migration mapping, masks and `status`.
 *
 * @public
 */
export interface ProviderDefinition<N extends string = string, F extends string = string> {
  readonly name: N;
  readonly fields: Readonly<Record<F, FieldDefinition>>;
  /** The sets of fields that are enough to work with; any one of them will do, first preferred. */
  readonly complete: readonly (readonly F[])[];
}

/**
 * Defines a provider, and checks the definition.
 *
 * @example
 * ```ts
 * const stripe = defineProvider({
 *   name: 'stripe',
 *   fields: {
 *     secretKey: { label: 'Secret key', secret: true, env: 'STRIPE_SECRET_KEY' },
 *     webhookSecret: { label: 'Webhook signing secret', secret: true },
 *   },
 *   complete: [['secretKey']],
 * });
 * await vault.put('acme', stripe, { secretKey }); // field names are checked by the compiler
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT` when a name is not allowed, or `complete` names a field
 * that is not defined
 * @public
 */
export function defineProvider<const N extends string, const F extends string>(definition: {
  readonly name: N;
  readonly fields: Readonly<Record<F, FieldDefinition>>;
  readonly complete: readonly (readonly NoInfer<F>[])[];
}): ProviderDefinition<N, F> {
  assertProviderName(definition?.name);
  const { name, fields, complete } = definition;
  for (const field of Object.keys(fields)) assertFieldName(field, name);
  for (const field of complete.flat()) {
    if (!Object.hasOwn(fields, field)) {
      throw invalidArgument(`Provider "${name}": "complete" names "${field}", which is no field.`);
    }
  }
  if (complete.length === 0) {
    throw invalidArgument(`Provider "${name}": "complete" must hold at least one set of fields.`);
  }
  return Object.freeze({ name, fields: Object.freeze({ ...fields }), complete });
}

/**
 * The fields of the first complete set, the completest first where none is whole, that `has` lacks.
 * Empty when the provider can be used.
 *
 * @internal
 */
export function missingFields(
  definition: ProviderDefinition,
  has: (field: string) => boolean,
): readonly string[] {
  const lacking = definition.complete.map((set) => set.filter((field) => !has(field)));
  return lacking.reduce((best, next) => (next.length < best.length ? next : best));
}

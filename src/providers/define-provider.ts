import { invalidArgument } from '../errors.ts';
import { assertFieldName, assertProviderName } from '../names.ts';

/**
 * One field of a provider's credentials.
 *
 * @public
 */
export interface FieldDefinition {
  /** Its name on a settings page. */
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
 * A provider as this library knows it. One definition drives types, validation on write,
 * environment override, flat keys, migration mapping, masks and `status`.
 *
 * @public
 */
export interface ProviderDefinition<
  N extends string = string,
  F extends string = string,
  S extends readonly (readonly F[])[] = readonly (readonly F[])[],
> {
  readonly name: N;
  readonly fields: Readonly<Record<F, FieldDefinition>>;
  /** The sets of fields of which each is enough to work with; the first is preferred. */
  readonly complete: S;
}

/**
 * The fields that are in every one of the sets `S`: a client can count on them.
 *
 * @public
 */
export type RequiredField<F extends string, S extends readonly (readonly string[])[]> = F extends F
  ? [LacksField<F, S[number]>] extends [never]
    ? F
    : never
  : never;

/**
 * `set` when that set of fields lacks `F`, else nothing.
 *
 * @public
 */
export type LacksField<F extends string, Set extends readonly string[]> = Set extends Set
  ? F extends Set[number]
    ? never
    : Set
  : never;

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
 * @throws VaultError `ERR_INVALID_ARGUMENT` when a name is not allowed, a field is not described as
 * {@link FieldDefinition} says, or `complete` is empty or names a field that is not defined
 * @public
 */
export function defineProvider<
  const N extends string,
  const F extends string,
  const S extends readonly (readonly NoInfer<F>[])[],
>(definition: {
  readonly name: N;
  readonly fields: Readonly<Record<F, FieldDefinition>>;
  readonly complete: S;
}): ProviderDefinition<N, F, S> {
  assertProviderName(definition?.name);
  const { name, fields, complete } = definition;
  for (const [field, description] of Object.entries<FieldDefinition>(fields)) {
    assertFieldName(field, name);
    assertDescription(description, name, field);
  }
  assertUnique(name, fields, 'env');
  assertUnique(name, fields, 'settingsKey');
  if (complete.length === 0 || complete.some((set) => set.length === 0)) {
    throw invalidArgument(`Provider "${name}": "complete" must hold at least one set of fields.`);
  }
  for (const field of complete.flat()) {
    if (!Object.hasOwn(fields, field)) {
      throw invalidArgument(
        `Provider "${name}": "complete" names "${field}", which is not one of its fields.`,
      );
    }
  }
  const frozen = Object.entries<FieldDefinition>(fields).map(([field, description]) => [
    field,
    Object.freeze({ ...description }),
  ]);
  const defined = Object.freeze({
    name,
    fields: Object.freeze(Object.fromEntries(frozen)),
    complete: Object.freeze(
      complete.map((set) => Object.freeze([...set])),
    ) as readonly unknown[] as S,
  });
  definitions.add(defined);
  return defined;
}

// Shared by the ESM and CJS copies of this package. It holds definitions, never credentials.
const DEFINITIONS = Symbol.for('provider-vault.definitions');
const shared = globalThis as { [DEFINITIONS]?: WeakSet<object> };
shared[DEFINITIONS] ??= new WeakSet();
const definitions = shared[DEFINITIONS];

/** Whether {@link defineProvider} made `value`; an object of the same form is not enough. @internal */
export function isDefinition(value: unknown): value is ProviderDefinition {
  return typeof value === 'object' && value !== null && definitions.has(value);
}

function assertDescription(description: FieldDefinition, provider: string, field: string): void {
  const { label, secret, env, settingsKey, pattern } = description ?? {};
  if (
    typeof label !== 'string' ||
    typeof secret !== 'boolean' ||
    ![env, settingsKey].every((text) => text === undefined || typeof text === 'string') ||
    !(pattern === undefined || pattern instanceof RegExp)
  ) {
    throw invalidArgument(
      `Provider "${provider}": field "${field}" needs a label (string) and secret (boolean); env and settingsKey are strings, pattern is a RegExp.`,
    );
  }
}

// Two fields under one name: one of them would silently take the other's value.
function assertUnique(
  provider: string,
  fields: Readonly<Record<string, FieldDefinition>>,
  member: 'env' | 'settingsKey',
): void {
  const names = Object.values(fields).flatMap((description) => description[member] ?? []);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw invalidArgument(`Provider "${provider}": two fields have the ${member} "${twice}".`);
  }
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

import { invalidArgument } from '../errors.ts';
import { assertFieldName, assertProviderName, describeType } from '../names.ts';
import type { ConnectionResult, TestContext } from './connection-result.ts';
import {
  checkedCapabilities,
  checkedMethods,
  type ProviderCapabilities,
  type ProviderMethod,
} from './methods.ts';
import type { RotationDefinition } from './rotation.ts';

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
  /** Whether `findTenants` can find tenants by it. Not for a secret. */
  readonly lookup?: boolean;
  /** What a value looks like, for messages and placeholders; never a real one. */
  readonly example?: string;
  /** Where a user finds the value, for a settings page. Plain text. */
  readonly help?: string;
  /**
   * Whether the secrets are sent to it, as to an SMTP host. Whoever changes it with a form must enter
   * the secrets again: otherwise anybody who may edit the host could have the stored password sent to
   * himself. It is not secret.
   */
  readonly destination?: boolean;
}

/**
 * A provider as this library knows it. One definition drives types, validation on write,
 * environment override, flat keys, migration mapping, masks, `status` and the settings page.
 *
 * @public
 */
export interface ProviderDefinition<
  N extends string = string,
  F extends string = string,
  S extends readonly (readonly F[])[] = readonly (readonly F[])[],
> {
  readonly name: N;
  /** Its name on a settings page. */
  readonly label: string;
  readonly fields: Readonly<Record<F, FieldDefinition>>;
  /** The sets of fields of which each is enough to work with; the first is preferred. */
  readonly complete: S;
  /** The ways to connect; by default one for each set of `complete`. */
  readonly methods: readonly ProviderMethod<F>[];
  /** What the fields make possible. */
  readonly capabilities: ProviderCapabilities<F>;
  /** How credentials that expire are renewed. */
  readonly refresh?: RefreshDefinition<F>;
  /**
   * Whether credentials work, for `testConnection` and `checkHealth`: one cheap authenticated call that
   * sends nothing to anybody.
   */
  test?(context: TestContext<F>): Promise<ConnectionResult>;
  /** How `rotateCredential` replaces credentials at the provider. */
  readonly rotate?: RotationDefinition<F>;
}

/**
 * How the credentials of a provider are renewed: `vault.fresh`, `refreshDue` and the client factories
 * call `exchange` when they are due, in one process at a time.
 *
 * @public
 */
export interface RefreshDefinition<F extends string = string> {
  /**
   * The field that says when the credentials expire, as ISO 8601 text (`2027-01-31T12:00:00Z`).
   * Without a value they do not expire.
   */
  readonly expiresAt: F;
  /**
   * Milliseconds before that at which they are renewed; at most half of the time for which a renewal
   * was valid.
   *
   * @defaultValue 900,000: 15 minutes
   */
  readonly marginMs?: number;
  /** Milliseconds that `exchange` may take. @defaultValue 10,000 */
  readonly timeoutMs?: number;
  /**
   * Asks the provider for new credentials.
   *
   * @returns the fields that change, as `patch` takes them: what it leaves out stays
   * @throws an error with `error: 'invalid_grant'`, as OAuth has it, when the provider refuses for good:
   * somebody must connect the account again. After any other error the renewal is tried again.
   */
  exchange(context: RefreshContext<F>): Promise<{ readonly [K in F]?: string | null | undefined }>;
}

/**
 * What {@link RefreshDefinition.exchange} is given.
 *
 * @public
 */
export interface RefreshContext<F extends string = string> {
  /** The stored fields, in the clear. */
  readonly fields: { readonly [K in F]?: string };
  /** Is aborted when the time is over. */
  readonly signal: AbortSignal;
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
 * await vault.put('acme', stripe, { secretKey: apiKey }); // field names are checked by the compiler
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
  readonly label?: string;
  readonly fields: Readonly<Record<F, FieldDefinition>>;
  readonly complete: S;
  readonly methods?: readonly ProviderMethod<NoInfer<F>>[];
  readonly capabilities?: ProviderCapabilities<NoInfer<F>>;
  readonly refresh?: RefreshDefinition<NoInfer<F>>;
  test?(context: TestContext<NoInfer<F>>): Promise<ConnectionResult>;
  readonly rotate?: RotationDefinition<NoInfer<F>>;
}): ProviderDefinition<N, F, S> {
  assertProviderName(definition?.name);
  const { name, fields, complete, label = name, refresh, test, rotate } = definition;
  if (typeof label !== 'string') {
    throw invalidArgument(`Provider "${name}": the label must be a string.`);
  }
  if (!fields || !Array.isArray(complete) || !complete.every(Array.isArray)) {
    throw invalidArgument(`Provider "${name}" needs fields, and "complete" as an array of arrays.`);
  }
  for (const [field, description] of Object.entries<FieldDefinition>(fields)) {
    assertFieldName(field, name);
    assertDescription(description, name, field);
    assertLookup(description, name, field);
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
  if (refresh !== undefined) assertRefresh(refresh, name, fields);
  if (rotate !== undefined) assertRotation(rotate, name);
  if (test !== undefined && typeof test !== 'function') {
    throw invalidArgument(`Provider "${name}": "test" must be a function.`);
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
    label,
    methods: checkedMethods(name, definition.methods, fields, complete),
    capabilities: checkedCapabilities(name, definition.capabilities, fields),
    ...(refresh && { refresh: Object.freeze({ ...refresh }) }),
    ...(test && { test }),
    ...(rotate && { rotate: Object.freeze({ ...rotate }) }),
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
  const { label, secret, env, settingsKey, pattern, example, help, destination } =
    description ?? {};
  const texts = [env, settingsKey, example, help];
  if (
    typeof label !== 'string' ||
    typeof secret !== 'boolean' ||
    !texts.every((text) => text === undefined || typeof text === 'string') ||
    !(pattern === undefined || pattern instanceof RegExp)
  ) {
    throw invalidArgument(
      `Provider "${provider}": field "${field}" needs a label (string) and secret (boolean); env, settingsKey, example and help are strings, pattern is a RegExp.`,
    );
  }
  // A page compares what is entered with what it was shown, which of a secret is only the mask.
  if (!(destination === undefined || typeof destination === 'boolean') || (destination && secret)) {
    throw invalidArgument(
      `Provider "${provider}": field "${field}": destination is a boolean, and a destination is not secret.`,
    );
  }
}

/** A secret must not be compared: that would help to guess it. */
function assertLookup(description: FieldDefinition, provider: string, field: string): void {
  const { lookup, secret } = description;
  if (lookup === undefined || (typeof lookup === 'boolean' && !(lookup && secret))) return;
  throw invalidArgument(
    `Provider "${provider}": field "${field}": lookup must be a boolean, and a secret cannot be looked up.`,
  );
}

function assertRotation(rotate: RotationDefinition, provider: string): void {
  const { replaces, create, discard, works, revoke } = rotate ?? {};
  if ([replaces, create, discard, works, revoke].every((one) => typeof one === 'function')) return;
  throw invalidArgument(
    `Provider "${provider}": "rotate" needs the functions replaces, create, discard, works and revoke.`,
  );
}

function assertRefresh(refresh: RefreshDefinition, provider: string, fields: object): void {
  const { expiresAt, marginMs, timeoutMs, exchange } = refresh ?? {};
  const isTime = (ms: unknown) => Number.isFinite(ms) && (ms as number) >= 0;
  if (typeof expiresAt !== 'string' || !Object.hasOwn(fields, expiresAt)) {
    throw invalidArgument(
      `Provider "${provider}": "refresh.expiresAt" must name one of its fields.`,
    );
  }
  if (typeof exchange !== 'function') {
    throw invalidArgument(
      `Provider "${provider}": "refresh.exchange" must be a function, not ${describeType(exchange)}.`,
    );
  }
  if (!isTime(marginMs ?? 0) || !isTime(timeoutMs ?? 1) || timeoutMs === 0) {
    throw invalidArgument(
      `Provider "${provider}": "refresh.marginMs" and "refresh.timeoutMs" must be milliseconds.`,
    );
  }
}

// Date itself takes almost any text for a time.
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/**
 * When credentials expire; `undefined` where they do not, or the text is no time.
 *
 * @internal
 */
export function expiryOf(
  { expiresAt }: RefreshDefinition,
  fields: Readonly<Record<string, string>>,
): Date | undefined {
  const text = fields[expiresAt] ?? '';
  const at = new Date(ISO_TIME.test(text) ? text : Number.NaN);
  return Number.isNaN(at.getTime()) ? undefined : at;
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

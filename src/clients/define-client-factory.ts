import { createHash } from 'node:crypto';
import { invalidArgument, VaultError } from '../errors.ts';
import type { Environment } from '../keys/keyring.ts';
import {
  missingFields,
  type ProviderDefinition,
  type RequiredField,
} from '../providers/define-provider.ts';
import { DEFAULT_TENANT, type EnvOverride, environmentOverride } from '../providers/environment.ts';
import { assertTenantId, describeType } from '../record/ref.ts';
import { coreOf } from '../vault/internals.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { ClientCache } from './client-cache.ts';

/**
 * Options that every client factory takes.
 *
 * @public
 */
export interface ClientOptions {
  /** Whose client. @defaultValue `"default"` */
  readonly tenantId?: string;
  /** Where to look for an override. @defaultValue `process.env` */
  readonly env?: Environment;
  /** Who the environment overrides. @defaultValue `"default"`: the tenant of that name only */
  readonly envOverride?: EnvOverride;
}

/**
 * The credentials a client is built from: complete, from one source, in the clear. `R` names the
 * fields that are in every complete set.
 *
 * @public
 */
export interface ResolvedCredentials<F extends string = string, R extends F = never> {
  readonly tenantId: string;
  readonly source: 'environment' | 'vault';
  readonly fields: { readonly [K in F]?: string } & { readonly [K in R]: string };
}

// A client holds sockets and a few kilobytes; tenants that are not served stay out of memory.
const MAX_CLIENTS_PER_VAULT = 500;

/**
 * Makes a function that gives a ready client of a tenant: from the environment in an emergency,
 * else from the vault, else a clear error.
 *
 * A client is kept, up to 500 for a vault, and replaced when its credentials change. Callers that ask
 * at the same time share it.
 *
 * @example
 * ```ts
 * const getStripeClient = defineClientFactory(stripe, async ({ fields }) => {
 *   const { default: Stripe } = await import('stripe');
 *   return new Stripe(fields.secretKey);
 * });
 * const client = await getStripeClient(vault, { tenantId: 'acme' });
 * ```
 * @param definition - what credentials are needed
 * @param build - makes the client. It must pass every credential explicitly: what an SDK finds in
 * `process.env` belongs to somebody else.
 * @public
 */
export function defineClientFactory<
  F extends string,
  const S extends readonly (readonly F[])[],
  C extends object,
  O extends ClientOptions = ClientOptions,
>(
  definition: ProviderDefinition<string, F, S>,
  build: (credentials: ResolvedCredentials<F, RequiredField<F, S>>, options: O) => C | Promise<C>,
): (vault: SecretsVault, options?: O) => Promise<C> {
  const clients = new WeakMap<object, ClientCache<C>>();
  return async (vault, options = {} as O) => {
    const credentials = await resolveCredentials<F, S>(vault, definition, options);
    let ofVault = clients.get(vault);
    if (ofVault === undefined) {
      ofVault = new ClientCache<C>(MAX_CLIENTS_PER_VAULT);
      clients.set(vault, ofVault);
    }
    return ofVault.get(slotOf(credentials, options), contentOf(credentials), async () =>
      build(credentials, options),
    );
  };
}

/**
 * The credentials of a tenant, whole and from one source.
 *
 * @param needed - the sets of fields of which one must be there. Who the environment overrides is
 * always decided by `definition`, so that one tenant has one source whatever it is needed for.
 * @throws VaultError `ERR_ENV_INCOMPLETE`, `ERR_NOT_CONFIGURED`, `ERR_INVALID_ARGUMENT`, and what
 * reading the vault throws: a store that cannot be reached never lets the environment in
 * @internal
 */
export async function resolveCredentials<
  F extends string,
  const S extends readonly (readonly F[])[],
  const N extends readonly (readonly NoInfer<F>[])[] = S,
>(
  vault: SecretsVault,
  definition: ProviderDefinition<string, F, S>,
  options: ClientOptions,
  needed?: N,
): Promise<ResolvedCredentials<F, RequiredField<F, N>>> {
  assertOptions(options);
  const { tenantId = DEFAULT_TENANT, env = process.env, envOverride } = options;
  const { trail, firstUse } = coreOf(vault);
  assertTenantId(tenantId);
  const complete = needed ?? definition.complete;
  const check = (source: ResolvedCredentials['source'], found: object) => {
    const fields = found as ResolvedCredentials<F, RequiredField<F, N>>['fields'];
    const has = (field: string) => Boolean(fields[field as F]);
    return { source, fields, missing: missingFields({ ...definition, complete }, has) };
  };
  const readVault = async () =>
    check('vault', (await vault.get(tenantId, definition))?.reveal() ?? {});

  const override = environmentOverride(definition, tenantId, env, envOverride);
  if (override !== undefined) {
    await trail.record({
      action: 'override',
      tenantId,
      provider: definition.name,
      fields: Object.keys(override),
      outcome: 'ok',
      source: 'environment',
    });
  }
  let found = override === undefined ? await readVault() : check('environment', override);
  // A record that is there, but not whole: the old settings may have the rest.
  if (override === undefined && found.missing.length > 0 && (await firstUse?.ensure(tenantId))) {
    found = await readVault();
  }
  const { source, fields, missing } = found;
  if (missing.length === 0) return { tenantId, source, fields };
  const places =
    source === 'environment'
      ? 'the environment, which overrides the vault'
      : `${firstUse ? 'the old settings, ' : ''}${placesLookedIn(tenantId, envOverride)}`;
  throw new VaultError(
    'ERR_NOT_CONFIGURED',
    `Tenant "${tenantId}" has no usable ${definition.name} credentials: ${missing.join(', ')} missing. Looked in ${places}.`,
  );
}

/**
 * Refuses options that are none. A bare tenant id would else be taken for "no options", which means
 * the tenant `default`.
 *
 * @internal
 */
export function assertOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgument(`The options must be an object, not ${describeType(options)}.`);
  }
}

function placesLookedIn(tenantId: string, override: EnvOverride | undefined): string {
  const environment = override === 'all' || (override !== false && tenantId === DEFAULT_TENANT);
  return environment
    ? 'the environment and the vault'
    : 'the vault (the environment does not override this tenant)';
}

/** One client is kept for each of these. */
function slotOf({ tenantId, source }: ResolvedCredentials, options: ClientOptions): string {
  const { env: _env, envOverride: _override, tenantId: _tenant, ...rest } = options;
  return `${tenantId}\n${source}\n${identityOf(rest)}`;
}

// A client serves exactly the content it was built from. The content, not the revision: a record
// that was deleted and made anew starts again at revision 1.
function contentOf({ fields }: ResolvedCredentials): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(fields)))
    .digest('base64');
}

const objectIds = new WeakMap<object, number>();
let lastObjectId = 0;

/** A text that is equal for options of equal members; class instances and functions by identity. */
function identityOf(value: unknown): string {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) {
    return JSON.stringify(value) ?? 'undefined';
  }
  if (Object.getPrototypeOf(value) === Object.prototype) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${name}:${identityOf(member)}`).join()}}`;
  }
  let id = objectIds.get(value);
  if (id === undefined) {
    id = ++lastObjectId;
    objectIds.set(value, id);
  }
  return `#${id}`;
}

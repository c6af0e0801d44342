import { createHash } from 'node:crypto';
import { AsyncCache } from '../cache/async-cache.ts';
import { VaultError } from '../errors.ts';
import type { Environment } from '../keys/keyring.ts';
import { missingFields, type ProviderDefinition } from '../providers/define-provider.ts';
import { DEFAULT_TENANT, type EnvOverride, environmentOverride } from '../providers/environment.ts';
import { assertTenantId } from '../record/ref.ts';
import { coreOf } from '../vault/internals.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';

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
 * The credentials a client is built from: complete, from one source, in the clear.
 *
 * @public
 */
export interface ResolvedCredentials<F extends string = string> {
  readonly tenantId: string;
  readonly source: 'environment' | 'vault';
  readonly fields: { readonly [K in F]?: string };
}

// A client holds sockets and a few kilobytes; tenants that are not served stay out of memory.
const MAX_CLIENTS_PER_VAULT = 500;

/**
 * Makes a function that gives a ready client of a tenant: from the environment in an emergency,
 * else from the vault, else a clear error. Clients are kept until their credentials change.
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
  C extends object,
  O extends ClientOptions = ClientOptions,
>(
  definition: ProviderDefinition<string, F>,
  build: (credentials: ResolvedCredentials<F>, options: O) => C | Promise<C>,
): (vault: SecretsVault, options?: O) => Promise<C> {
  const clients = new WeakMap<object, AsyncCache<C>>();
  return async (vault, options = {} as O) => {
    const credentials = await resolveCredentials(vault, definition, options);
    let ofVault = clients.get(vault);
    if (ofVault === undefined) {
      ofVault = new AsyncCache<C>({ max: MAX_CLIENTS_PER_VAULT });
      clients.set(vault, ofVault);
    }
    return ofVault.get(cacheKey(credentials, options), async () => build(credentials, options));
  };
}

/**
 * The credentials of a tenant, whole and from one source.
 *
 * @throws VaultError `ERR_ENV_INCOMPLETE`, `ERR_NOT_CONFIGURED`, `ERR_INVALID_ARGUMENT`, and what
 * reading the vault throws: a store that cannot be reached never lets the environment in
 * @internal
 */
export async function resolveCredentials<F extends string>(
  vault: SecretsVault,
  definition: ProviderDefinition<string, F>,
  options: ClientOptions,
): Promise<ResolvedCredentials<F>> {
  const { tenantId = DEFAULT_TENANT, env = process.env, envOverride } = options;
  const { trail, firstUse } = coreOf(vault);
  assertTenantId(tenantId);

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
    return { tenantId, source: 'environment', fields: override as { [K in F]?: string } };
  }
  const read = async () => {
    const stored = (await vault.get(tenantId, definition))?.reveal() ?? {};
    const fields = stored as { [K in F]?: string };
    return { fields, missing: missingFields(definition, (field) => Boolean(fields[field as F])) };
  };
  let { fields, missing } = await read();
  // A record that is there, but not whole: the old settings may have the rest.
  if (missing.length > 0 && (await firstUse?.ensure(tenantId)))
    ({ fields, missing } = await read());
  if (missing.length === 0) return { tenantId, source: 'vault', fields };
  const places = placesLookedIn(tenantId, envOverride);
  throw new VaultError(
    'ERR_NOT_CONFIGURED',
    `Tenant "${tenantId}" has no usable ${definition.name} credentials: ${missing.join(', ')} missing. Looked in ${firstUse ? `the old settings, ` : ''}${places}.`,
  );
}

function placesLookedIn(tenantId: string, override: EnvOverride | undefined): string {
  const environment = override === 'all' || (override !== false && tenantId === DEFAULT_TENANT);
  return environment
    ? 'the environment and the vault'
    : 'the vault (the environment does not override this tenant)';
}

// A client serves exactly the content and the options it was built from. The content, not only the
// revision: a record that was deleted and made anew starts again at revision 1.
function cacheKey(credentials: ResolvedCredentials, options: ClientOptions): string {
  const { env: _env, envOverride: _override, tenantId: _tenant, ...rest } = options;
  const content = JSON.stringify([credentials.source, Object.entries(credentials.fields)]);
  const digest = createHash('sha256').update(content).digest('base64');
  return `${credentials.tenantId}\n${digest}\n${identityOf(rest)}`;
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

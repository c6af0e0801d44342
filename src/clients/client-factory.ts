import { createHash } from 'node:crypto';
import { coreOf } from '../core/vault-core.ts';
import { mayBeDue } from '../lifecycle/due.ts';
import type { ProviderDefinition, RequiredField } from '../providers/define-provider.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { rememberAnswers } from './answered.ts';
import { ClientCache } from './client-cache.ts';
import {
  auditedRead,
  type ClientOptions,
  credentialsQuery,
  type ResolvedCredentials,
  recordOverride,
  type StoredFields,
  sealedContent,
  storedFields,
} from './credentials.ts';

/** Does the work of `defineClientFactory`. @internal */
export function createClientFactory<
  F extends string,
  const S extends readonly (readonly F[])[],
  C extends object,
  O extends ClientOptions,
>(
  definition: ProviderDefinition<string, F, S>,
  build: (credentials: ResolvedCredentials<F, RequiredField<F, S>>, options: O) => C | Promise<C>,
): (vault: SecretsVault, options: O) => Promise<C> {
  type Fields = ResolvedCredentials<F, RequiredField<F, S>>['fields'];
  const caches = new WeakMap<object, ClientCache<C>>();

  return async function getClient(vault, options): Promise<C> {
    const query = await credentialsQuery(vault, definition, options);
    const { core, tenantId, override } = query;
    const clients = cacheOf(caches, vault, definition.name);
    const { drops } = clients;
    const ready = (
      source: ResolvedCredentials['source'],
      found: Pick<StoredFields, 'fields' | 'content' | 'etag'>,
    ) => {
      const fields = found.fields as unknown as Fields;
      const slot = slotOf(tenantId, source, options);
      const { content, etag } = found;
      const ref = { tenantId, provider: definition.name };
      const answered = etag === undefined ? undefined : rememberAnswers(core, { ref, etag });
      return clients.build(slot, { content, fields: Object.keys(fields), drops }, async () =>
        build({ tenantId, source, fields, ...(answered && { answered }) }, options),
      );
    };
    if (override !== undefined) {
      await recordOverride(query);
      return ready('environment', { fields: override, content: digest(override) });
    }
    const found = await auditedRead(query, async (entry) => {
      const record = await core.records.read({ tenantId, provider: definition.name });
      const { view, source } = record;
      // A client of the same sealed text needs neither opening nor building.
      const { refresh } = definition;
      const due = refresh && view && mayBeDue(refresh, view, core.now());
      const kept =
        view && !due && clients.kept(slotOf(tenantId, 'vault', options), sealedContent(view));
      if (!kept) return storedFields(query, definition.complete, entry, record);
      entry.source = source;
      entry.rev = view?.rev;
      entry.keyId = view?.keyId;
      entry.fields = kept.fields;
      return kept;
    });
    if ('client' in found) return found.client;
    // The write has dropped the tenant's clients, as every write does: read what is there now.
    if (found.renewed) return getClient(vault, options);
    return ready('vault', found);
  };
}

function cacheOf<C extends object>(
  caches: WeakMap<object, ClientCache<C>>,
  vault: SecretsVault,
  provider: string,
): ClientCache<C> {
  const known = caches.get(vault);
  if (known !== undefined) return known;
  const core = coreOf(vault);
  const clients = new ClientCache<C>(core.maxClients);
  core.records.onInvalidate((tenantId, changed) => {
    if (changed === undefined || changed === provider) {
      clients.drop(tenantId === undefined ? '' : `${tenantId}\n`);
    }
  });
  caches.set(vault, clients);
  return clients;
}

/** One client is kept for each of these. No name holds a newline. */
function slotOf(
  tenantId: string,
  source: ResolvedCredentials['source'],
  options: ClientOptions,
): string {
  const others = Object.entries(options).filter(([name]) => !ABOUT_THE_CALL.has(name));
  return `${tenantId}\n${source}\n${others.length > 0 ? identity(Object.fromEntries(others)) : ''}`;
}

// Options that say whose credentials a client gets, and who asks. All others make another client.
const ABOUT_THE_CALL = new Set(['tenantId', 'env', 'envOverride', 'actor', 'reason']);

/** Environment variables have no sealed text to compare. */
function digest(fields: Readonly<Record<string, string>>): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(fields)))
    .digest('base64');
}

const objectIds = new WeakMap<object, number>();
let lastObjectId = 0;

/**
 * A text that is equal for options of equal content. Class instances and functions, whose content
 * cannot be compared, are equal only to themselves.
 */
function identity(value: unknown): string {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) {
    return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  }
  if (Array.isArray(value)) return `[${value.map(identity).join()}]`;
  if (Object.getPrototypeOf(value) === Object.prototype) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${identity(member)}`).join()}}`;
  }
  let id = objectIds.get(value);
  if (id === undefined) {
    id = ++lastObjectId;
    objectIds.set(value, id);
  }
  return `#${id}`;
}

import { auditRefusal, auditSubject, untilAborted } from '../core/audited.ts';
import { isLookupField, lookupEntry, lookupKeys } from '../core/lookup.ts';
import { assertOptions, type ReadOptions } from '../core/options.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument, VaultError } from '../errors.ts';
import { fieldEntries, type ProviderRef } from '../providers/fields.ts';

/** In the audit trail: an operation that is about no tenant known before. */
const ALL_TENANTS = '*';

/** Does the work of `findTenants`. @internal */
export async function findTenants(
  core: VaultCore,
  provider: ProviderRef,
  lookup: unknown,
  options: ReadOptions,
): Promise<string[]> {
  const { name, field, value } = await auditRefusal(
    core,
    'find',
    ALL_TENANTS,
    provider,
    options,
    () => {
      assertOptions(options);
      return checkedLookup(core, provider, lookup);
    },
  );
  const subject = auditSubject('find', { tenantId: ALL_TENANTS, provider: name }, options);
  return core.trail.run({ ...subject, fields: [field] }, () =>
    untilAborted(options.signal, () => tenantsWith(core, name, field, value)),
  );
}

/**
 * The tenants whose record has that value in a lookup field, in one query; no audit event.
 *
 * @throws VaultError `ERR_KEY_MISSING` without a lookup key; `ERR_STORE_FAILED` for a store without
 * `find`: nothing is ever scanned
 * @internal
 */
export async function tenantsWith(
  core: VaultCore,
  provider: string,
  field: string,
  value: string,
): Promise<string[]> {
  const digests = lookupKeys(core).map((key) => lookupEntry(key, provider, field, value));
  if (digests.length === 0) {
    throw new VaultError(
      'ERR_KEY_MISSING',
      'There is no key for lookups. Set the option `lookupKey` of the vault to a key from `npx provider-vault keygen`, and run `reindexLookup`.',
    );
  }
  const { store } = core;
  if (store.find === undefined) {
    throw new VaultError('ERR_STORE_FAILED', 'This store has no `find`, which lookups need.');
  }
  return [...new Set(await store.find({ provider, field, digests }))].sort();
}

function checkedLookup(core: VaultCore, provider: ProviderRef, lookup: unknown) {
  const { name, definition } = core.registry.resolve(provider);
  const [entry, ...more] = fieldEntries(lookup, name);
  if (entry === undefined || more.length > 0) {
    throw invalidArgument('findTenants needs exactly one field: { field: value }.');
  }
  const [field, value] = entry;
  if (!isLookupField(definition, field)) {
    throw invalidArgument(
      `Field "${field}" of provider "${name}" cannot be looked up: its definition lacks \`lookup: true\`.`,
    );
  }
  if (typeof value !== 'string' || value.trim() === '') {
    throw invalidArgument(`The value of field "${field}" must be a string that is not empty.`);
  }
  return { name, field, value };
}

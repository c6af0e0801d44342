import {
  audited,
  auditRefusal,
  auditSubject,
  locate,
  openAudited,
  tenantRecords,
} from '../core/audited.ts';
import type { ReadOptions, WriteOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { writeRecord } from '../core/write.ts';
import { invalidArgument } from '../errors.ts';
import { assertTenantId, describeType } from '../names.ts';
import { applyChanges, emptyFields } from '../providers/fields.ts';
import type { SecretInfo } from '../record.ts';
import { patchRecord } from './changes.ts';
import { type AllCredentials, redactedBundle } from './credentials.ts';

/** @internal */
export async function getSecret(
  core: VaultCore,
  tenantId: string,
  key: string,
  options: ReadOptions,
): Promise<string | undefined> {
  const { provider, field } = await auditRefusal(core, 'get', tenantId, key, options, () =>
    core.flatKeys.locate(key),
  );
  return audited(core, 'get', tenantId, provider, options, async ({ ref }, entry) => {
    const { view, source } = await core.records.read(ref);
    entry.source = source;
    const opened = view && (await openAudited(core, view, entry));
    entry.fields = [field];
    return opened?.fields[field];
  });
}

/** @internal */
export async function getAllSecrets(
  core: VaultCore,
  tenantId: string,
  options: ReadOptions,
): Promise<AllCredentials> {
  const views = await tenantRecords(core, 'get', tenantId, options);
  const all = emptyFields();
  for (const view of views) {
    const { provider } = view.ref;
    const { fields } = await core.trail.run(auditSubject('get', view.ref, options), (entry) =>
      openAudited(core, view, entry),
    );
    for (const [field, value] of Object.entries(fields)) {
      all[core.flatKeys.flatKey({ provider, field })] = value;
    }
  }
  return redactedBundle(all, views);
}

/** @internal */
export async function setSecret(
  core: VaultCore,
  tenantId: string,
  key: string,
  value: string | null,
  options: WriteOptions,
): Promise<SecretInfo> {
  const { provider, field } = await auditRefusal(core, 'patch', tenantId, key, options, () =>
    core.flatKeys.locate(key),
  );
  return patchRecord(core, tenantId, provider, { [field]: value }, options);
}

/** One patch for each provider that the keys belong to; it settles when all of them have. @internal */
export async function setSecrets(
  core: VaultCore,
  tenantId: string,
  secrets: unknown,
  options: WriteOptions,
): Promise<SecretInfo[]> {
  const patches = await auditRefusal(core, 'patch', tenantId, undefined, options, () => {
    assertTenantId(tenantId);
    return patchesByProvider(core, secrets);
  });
  for (const [provider, changes] of patches) {
    // All are checked before the first is written.
    await auditRefusal(core, 'patch', tenantId, provider, options, () => {
      const { ref, definition } = locate(core, tenantId, provider);
      applyChanges(emptyFields(), changes, ref.provider, definition);
    });
  }
  const results = await Promise.allSettled(
    [...patches].map(([provider, changes]) =>
      patchRecord(core, tenantId, provider, changes, options),
    ),
  );
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Removes a value, and the record's history with it: earlier versions hold the value too. @internal */
export async function deleteSecret(
  core: VaultCore,
  tenantId: string,
  key: string,
  options: WriteOptions,
): Promise<boolean> {
  const { provider, field } = await auditRefusal(core, 'delete', tenantId, key, options, () =>
    core.flatKeys.locate(key),
  );
  return audited(core, 'delete', tenantId, provider, options, async ({ ref }, entry) => {
    entry.fields = [field];
    let found = false;
    await writeRecord(core, ref, options, entry, async (stored) => {
      const { fields } = stored
        ? await openVersion(core, stored.ref, stored)
        : { fields: emptyFields() };
      found = field in fields;
      delete fields[field];
      return found ? { fields, history: [] } : undefined;
    });
    if (!found) Object.assign(entry, { outcome: 'refused', code: 'ERR_SECRET_NOT_FOUND' });
    return found;
  });
}

function patchesByProvider(
  core: VaultCore,
  secrets: unknown,
): Map<string, Record<string, unknown>> {
  if (typeof secrets !== 'object' || secrets === null || Array.isArray(secrets)) {
    throw invalidArgument(`The secrets must be an object, not ${describeType(secrets)}.`);
  }
  const patches = new Map<string, Record<string, unknown>>();
  for (const [key, value] of Object.entries(secrets)) {
    const { provider, field } = core.flatKeys.locate(key);
    patches.set(provider, { ...patches.get(provider), [field]: value });
  }
  return patches;
}

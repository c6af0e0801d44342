import { invalidArgument } from '../errors.ts';
import { applyChanges, emptyFields } from '../providers/fields.ts';
import { infoOf, type SecretInfo, type SecretRecord } from '../record/record.ts';
import { describeType } from '../record/ref.ts';
import { type AllCredentials, redactedBundle } from './credentials.ts';
import { check, openRecord, operate, recordsOf, subjectOf, targetOf } from './operation.ts';
import type { ReadOptions, WriteOptions } from './operation-options.ts';
import { patchRecord } from './patch.ts';
import type { VaultCore } from './vault-core.ts';

/** @internal */
export async function getSecret(
  core: VaultCore,
  tenantId: string,
  key: string,
  options: ReadOptions,
): Promise<string | undefined> {
  const subject = subjectOf('get', tenantId, key, options);
  const { provider, field } = await check(core, subject, () => core.flatKeys.addressOf(key));
  return operate(core, 'get', tenantId, provider, options, async ({ ref }, entry) => {
    const record = await core.records.read(ref, entry);
    const opened = record && (await openRecord(core, ref, record, entry));
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
  const records = await recordsOf(core, 'get', tenantId, options);
  const all = emptyFields();
  for (const record of records) {
    const ref = { tenantId, provider: record.provider };
    const subject = subjectOf('get', tenantId, record.provider, options);
    const { fields } = await core.trail.run(subject, (entry) =>
      openRecord(core, ref, record, entry),
    );
    for (const [field, value] of Object.entries(fields)) {
      all[core.flatKeys.keyOf({ provider: record.provider, field })] = value;
    }
  }
  return redactedBundle(all, records.map(infoOf));
}

/** @internal */
export async function setSecret(
  core: VaultCore,
  tenantId: string,
  key: string,
  value: string | null,
  options: WriteOptions,
): Promise<SecretInfo> {
  const subject = subjectOf('patch', tenantId, key, options);
  const { provider, field } = await check(core, subject, () => core.flatKeys.addressOf(key));
  return patchRecord(core, tenantId, provider, { [field]: value }, options);
}

/** One patch for each provider that the keys belong to. @internal */
export async function setSecrets(
  core: VaultCore,
  tenantId: string,
  secrets: unknown,
  options: WriteOptions,
): Promise<SecretInfo[]> {
  const subject = subjectOf('patch', tenantId, undefined, options);
  const patches = await check(core, subject, () => patchesOf(core, secrets));
  for (const [provider, changes] of patches) {
    // All are checked before the first is written.
    await check(core, { ...subject, provider }, () => {
      const { ref, definition } = targetOf(core, tenantId, provider);
      applyChanges(emptyFields(), changes, ref.provider, definition);
    });
  }
  return Promise.all(
    [...patches].map(([provider, changes]) =>
      patchRecord(core, tenantId, provider, changes, options),
    ),
  );
}

/** @internal */
export async function deleteSecret(
  core: VaultCore,
  tenantId: string,
  key: string,
  options: WriteOptions,
): Promise<boolean> {
  const subject = subjectOf('delete', tenantId, key, options);
  const { provider, field } = await check(core, subject, () => core.flatKeys.addressOf(key));
  return operate(core, 'delete', tenantId, provider, options, async ({ ref }, entry) => {
    entry.fields = [field];
    let found = false;
    const without = async (stored: SecretRecord | undefined) => {
      const { fields } = stored ? await core.sealer.openRecord(stored) : { fields: emptyFields() };
      found = field in fields;
      delete fields[field];
      return found ? fields : undefined;
    };
    await core.write(ref, options, without, entry);
    return found;
  });
}

function patchesOf(core: VaultCore, secrets: unknown): Map<string, Record<string, unknown>> {
  if (typeof secrets !== 'object' || secrets === null || Array.isArray(secrets)) {
    throw invalidArgument(`The secrets must be an object, not ${describeType(secrets)}.`);
  }
  const patches = new Map<string, Record<string, unknown>>();
  for (const [key, value] of Object.entries(secrets)) {
    const { provider, field } = core.flatKeys.addressOf(key);
    patches.set(provider, { ...patches.get(provider), [field]: value });
  }
  return patches;
}

import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { recordErrorCodeOrThrow, VaultError, type VaultErrorCode } from '../errors.ts';
import { decodeRecord, type RecordView } from '../record.ts';
import { tenantKeyControl } from '../tenant-keys/control.ts';

const SAMPLE = 50;

/**
 * Rejects keys that open nothing of what is stored: what they sealed would be lost to the vault's
 * other users.
 *
 * A record that names a configured key and does not open is damaged, which says nothing about the
 * keys. A single record that names no key may be damaged, too.
 *
 * @throws VaultError `ERR_KEY_UNKNOWN`, `ERR_DECRYPTION_FAILED`
 * @internal
 */
export async function refuseForeignKeys(core: VaultCore): Promise<void> {
  const sample = await firstRecords(core);
  const failures = await Promise.all(sample.map((view) => failureOf(core, view)));
  const foreign = sample.filter(
    ({ keyId }, at) =>
      failures[at] === 'ERR_KEY_UNKNOWN' ||
      (failures[at] === 'ERR_DECRYPTION_FAILED' && keyId === undefined),
  );
  const unknown = failures.includes('ERR_KEY_UNKNOWN');
  if (foreign.length < sample.length || foreign.length < (unknown ? 1 : 2)) return;
  const control = tenantKeyControl(core.keys);
  const keyIds = core.keys.keyIds ?? control?.decryptionOnlyIds ?? [];
  for (const keyId of keyIds) {
    const [own] = await firstRecords(core, keyId);
    if (own !== undefined && (await failureOf(core, own)) === undefined) return;
  }
  const todo =
    control === undefined
      ? "Set APP_ENCRYPTION_KEY to the vault's key, or add that key to APP_DECRYPTION_KEYS."
      : "Give TenantKeys the vault's key store, and its keyring.";
  throw new VaultError(
    unknown ? 'ERR_KEY_UNKNOWN' : 'ERR_DECRYPTION_FAILED',
    `The configured keys${keyIds.length > 0 ? ` (${keyIds.join(', ')})` : ''} open none of the first ${sample.length} records of this vault. Nothing was written. ${todo}`,
  );
}

async function failureOf(core: VaultCore, view: RecordView): Promise<VaultErrorCode | undefined> {
  try {
    await openVersion(core, view.ref, view, 'accept');
    return undefined;
  } catch (error) {
    return recordErrorCodeOrThrow(error);
  }
}

async function firstRecords({ store }: VaultCore, keyId?: string): Promise<RecordView[]> {
  const query = { batchSize: keyId === undefined ? SAMPLE : 1, ...(keyId && { keyId }) };
  for await (const records of store.scan(query)) return records.map(decodeRecord);
  return [];
}

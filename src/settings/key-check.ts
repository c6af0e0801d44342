import { codeOf, VaultError, type VaultErrorCode } from '../errors.ts';
import { keyIdOf, type SecretRecord } from '../record/record.ts';
import type { SecretStore } from '../stores/secret-store.ts';

/** What the check needs of a vault's core. @internal */
export interface KeyCheckSubject {
  readonly store: SecretStore;
  readonly sealer: {
    openRecord(record: SecretRecord, unbound: 'accept'): Promise<unknown>;
    currentKeyId(ref: { tenantId: string; provider: string }): Promise<string>;
  };
}

const SAMPLE = 50;

/**
 * Refuses keys that open nothing of what is stored: a migration would seal the credentials of all
 * tenants with a key that is not the one of this vault.
 *
 * A record that names a configured key and does not open is damaged, and says nothing of the keys;
 * and one alone that names none may be damaged too.
 *
 * @throws VaultError `ERR_KEY_UNKNOWN`, `ERR_DECRYPTION_FAILED`
 * @internal
 */
export async function refuseForeignKeys({ store, sealer }: KeyCheckSubject): Promise<void> {
  const keyId = await sealer.currentKeyId({ tenantId: 'default', provider: 'custom' });
  const failure = async (record: SecretRecord): Promise<VaultErrorCode | undefined> => {
    try {
      await sealer.openRecord(record, 'accept');
      return undefined;
    } catch (error) {
      return codeOf(error);
    }
  };
  const sample = await firstRecords(store);
  const failures = await Promise.all(sample.map(failure));
  const foreign = sample.filter(
    (record, at) =>
      failures[at] === 'ERR_KEY_UNKNOWN' ||
      (failures[at] === 'ERR_DECRYPTION_FAILED' && keyIdOf(record) === undefined),
  );
  const unknown = failures.includes('ERR_KEY_UNKNOWN');
  if (foreign.length < sample.length || foreign.length < (unknown ? 1 : 2)) return;
  const [own] = await firstRecords(store, keyId);
  if (own !== undefined && (await failure(own)) === undefined) return;
  throw new VaultError(
    unknown ? 'ERR_KEY_UNKNOWN' : 'ERR_DECRYPTION_FAILED',
    `None of the first ${sample.length} records of this vault can be opened: key ${keyId} is not the key that they were sealed with. Nothing was written. Set APP_ENCRYPTION_KEY to the vault's key, or add that to APP_DECRYPTION_KEYS.`,
  );
}

async function firstRecords(store: SecretStore, keyId?: string): Promise<SecretRecord[]> {
  const query = { batchSize: keyId === undefined ? SAMPLE : 1, ...(keyId && { keyId }) };
  for await (const records of store.scan(query)) return records;
  return [];
}

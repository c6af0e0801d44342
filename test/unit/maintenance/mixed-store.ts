import {
  etag,
  Keyring,
  MemorySecretStore,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  seal,
} from 'provider-vault';
import { newKey } from '../../support/fixtures.ts';

export const ref = (tenantId: string) => ({ tenantId, provider: 'custom' });

/** A store with records in every good state: under an old and the new key, bound and unbound. */
export async function mixedStore() {
  const store = new MemorySecretStore();
  const [oldKey, key] = [newKey(), newKey()];
  const old = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  const keys = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
  const vault = new SecretsVault({ store, keys });
  const [keyId, oldKeyId] = keys.keyIds as [string, string];

  for (const tenant of ['a', 'b', 'c']) {
    await old.put(tenant, 'custom', { of: tenant }, { actor: 'ann' });
    await old.put(tenant, 'custom', { of: tenant, second: 'yes' }, { actor: 'bob' });
  }
  await vault.put('new', 'custom', { of: 'new' });
  const insert = (record: SecretRecord) => store.put(record, null);
  await insert({ ...ref('py'), note: 1, data: seal('{"of":"py"}', oldKey) });
  await insert({
    ...ref('py-new'),
    data: seal('{"of":"py-new"}', key),
    metadata: { rev: 3, keyId },
  });
  return { store, old, vault, key, oldKey, keyId, oldKeyId, insert };
}

/** A reserved record [R8], which the library keeps for itself, sealed and bound with `key`. */
export function reservedRecord(key: string, keyId: string): SecretRecord {
  const address = { tenantId: 'a', provider: '$mark' };
  const $bind = { t: address.tenantId, p: address.provider, r: 1 };
  const data = seal(JSON.stringify({ done: 'yes', $bind }), key);
  return { ...address, data, metadata: { rev: 1, keyId } };
}

/** Puts a version that no configured key opens into a record's history, and returns it. */
export async function addLostVersion(store: SecretStore, tenantId: string, rev: number) {
  const record = (await store.get(ref(tenantId))) as SecretRecord;
  const version = { rev, keyId: 'dead0000', data: seal('{}', newKey()) };
  await store.put({ ...record, history: [version] }, etag(record));
  return version;
}

import {
  Keyring,
  type MemorySecretStore,
  type SecretRecord,
  SecretsVault,
  seal,
  verifyKeys,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey, rejection } from '../../support/fixtures.ts';
import { tenantVault } from '../../support/tenant-keys.ts';

/** A store with `count` records of the key, and vaults with other keys over it. */
async function setUp(count: number) {
  const { vault, store, key, keys } = memoryVault();
  for (let n = 0; n < count; n++) await vault.put(`b${n}`, 'custom', { a: 'b' });
  const insert = (tenantId: string, more: Pick<SecretRecord, 'data' | 'metadata'>) =>
    store.put({ tenantId, provider: 'custom', ...more }, null);
  const open = (encryptionKey: string, ...decryptionKeys: string[]) =>
    new SecretsVault({ store, keys: new Keyring({ encryptionKey, decryptionKeys }) });
  return { vault, store, key, keyId: keys.encryptionKeyId, insert, open };
}

const unknown = { code: 'ERR_KEY_UNKNOWN' };

describe('verifyKeys', () => {
  it('accepts any key for an empty vault, and the key of one', async () => {
    const { vault, open } = await setUp(0);
    await verifyKeys(open(newKey()));
    await vault.put('a', 'custom', { a: 'b' });
    await verifyKeys(vault);
    await expect(verifyKeys({} as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('rejects keys that open nothing of what is stored, and says which and what to do', async () => {
    for (const count of [1, 60]) {
      const { open } = await setUp(count);
      const wrong = open(newKey(), newKey());
      const error = (await rejection(verifyKeys(wrong))) as Error;
      expect(error).toMatchObject(unknown);
      expect(error.message).toMatch(/\(([0-9a-f]{8}), ([0-9a-f]{8})\) open none of the first/);
      expect(error.message).toContain(`first ${Math.min(count, 50)} records`);
      expect(error.message).toContain('APP_ENCRYPTION_KEY');
    }
  });

  it('rejects another key provider as well', async () => {
    const { store } = await setUp(1);
    const wrong = new Keyring({ encryptionKey: newKey() });
    const keys = {
      encryptionKey: () => wrong.encryptionKey(),
      decryptionKey: (id?: string) => wrong.decryptionKey(id),
    };
    const error = (await rejection(verifyKeys(new SecretsVault({ store, keys })))) as Error;
    expect(error).toMatchObject(unknown);
    expect(error.message).toContain('The configured keys open none');
  });

  it('accepts keys that open one of the first 50 records', async () => {
    const { key, open, insert } = await setUp(60);
    await verifyKeys(open(newKey(), key));
    const own = newKey();
    await insert('a', { data: seal('{}', own) });
    await verifyKeys(open(own));
  });

  it('accepts a key that only later records name, and only where it opens one', async () => {
    const { key, open, insert, store } = await setUp(60);
    const [own, older] = [newKey(), newKey()];
    const old = open(older);
    await old.put('z', 'custom', { a: 'b' });
    await verifyKeys(open(own, older));
    expect(await rejection(verifyKeys(open(own)))).toMatchObject(unknown);
    const { metadata } = (await store.get({ tenantId: 'z', provider: 'custom' })) as SecretRecord;
    await old.delete('z', 'custom');
    await insert('z', { data: seal('{}', key), ...(metadata && { metadata }) });
    expect(await rejection(verifyKeys(open(own, older)))).toMatchObject(unknown);
  });

  it('takes one record that names no key for a damaged one, and several for foreign ones', async () => {
    const { open, insert } = await setUp(0);
    await insert('a', { data: seal('{}', newKey()) });
    const vault = open(newKey());
    await verifyKeys(vault);
    await insert('b', { data: seal('{}', newKey()) });
    expect(await rejection(verifyKeys(vault))).toMatchObject({ code: 'ERR_DECRYPTION_FAILED' });
  });

  it('concludes nothing from a record that is damaged', async () => {
    const own = new Keyring({ encryptionKey: newKey() });
    const damaged = {
      data: seal('{}', newKey()),
      metadata: { rev: 1, keyId: own.encryptionKeyId },
    };
    for (const record of [damaged, { data: 'no base64' }]) {
      const { insert, store } = await setUp(3);
      const vault = new SecretsVault({ store, keys: own });
      expect(await rejection(verifyKeys(vault))).toMatchObject(unknown);
      await insert('a', record);
      await verifyKeys(vault);
    }
  });

  it('tells a vault with tenant keys what it needs', async () => {
    const { vault, store } = tenantVault();
    for (const tenant of ['a', 'b']) await vault.put(tenant, 'custom', { a: 'b' });
    await verifyKeys(vault);
    const error = (await rejection(verifyKeys(tenantVaultOver(store)))) as Error;
    expect(error.message).toMatch(/^The configured keys open none of the first 2 records/);
    expect(error.message).toContain('Give TenantKeys');
  });

  it('accepts tenant keys with a keyring that opens what is not moved yet', async () => {
    const { key, open, store } = await setUp(60);
    const keyring = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
    const lost = open(newKey());
    for (let n = 0; n < 60; n++) await lost.put(`a${n}`, 'custom', { a: 'b' });
    const { keys } = tenantVault({ keyring });
    await verifyKeys(new SecretsVault({ store, keys }));
  });
});

function tenantVaultOver(store: MemorySecretStore): SecretsVault {
  return new SecretsVault({ store, keys: tenantVault().keys });
}

import { Keyring, MongoSecretStore, rotateKeys, SecretsVault, verifyVault } from 'provider-vault';
import { expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';

const TENANTS = 300;
const { db } = await testDatabase();

it('rotateKeys loses nothing of live traffic', async () => {
  const store = new MongoSecretStore(db);
  await store.init();
  const [oldKey, key] = [newKey(), newKey()];
  // Step 2 of a rotation [K2]: some processes still seal with the old key, others with the new one.
  const old = new SecretsVault({
    store,
    keys: new Keyring({ encryptionKey: oldKey, decryptionKeys: [key] }),
  });
  const vault = new SecretsVault({
    store,
    keys: new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] }),
  });
  const names = Array.from({ length: TENANTS }, (_, n) => `tenant-${n}`);
  await Promise.all(names.map((name) => old.put(name, 'custom', { of: name })));

  let stop = false;
  const written = new Map<string, string>();
  const traffic = [old, vault].map(async (writer, process) => {
    for (let n = 0; !stop; n++) {
      const name = names[(n * 7 + process) % TENANTS] as string;
      await writer.patch(name, 'custom', { [`by${process}`]: `${n}` });
      written.set(`${name} by${process}`, `${n}`);
      expect((await writer.require(name, 'custom')).of).toBe(name);
    }
  });
  for (let run = 0; run < 3; run++) await rotateKeys(vault, { batchSize: 20 });
  stop = true;
  await Promise.all(traffic);
  expect(written.size).toBeGreaterThan(10);

  // Then all processes seal with the new key, and one more run leaves nothing of the old one.
  expect((await rotateKeys(vault)).remaining).toBe(0);
  const verified = await verifyVault(vault);
  expect(verified).toMatchObject({ ok: TENANTS, problemCount: 0 });
  expect(verified.droppableKeys).toEqual([new Keyring({ encryptionKey: oldKey }).encryptionKeyId]);
  const only = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
  const found = await only.getMany(names.map((tenantId) => ({ tenantId, provider: 'custom' })));
  for (const [address, value] of written) {
    const [name = '', field = ''] = address.split(' ');
    expect(found[names.indexOf(name)]?.credentials?.reveal()).toMatchObject({
      of: name,
      [field]: value,
    });
  }
});

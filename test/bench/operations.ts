// How fast the long operations go, against what the driver alone takes for writing as many documents.
import { performance } from 'node:perf_hooks';
import type { Db } from 'mongodb';
import {
  generateKey,
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  rotateKeys,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { fillOldDatabase } from '../support/old-database.ts';

const TENANTS = 1000;

/** Prints documents or records per second. */
export async function benchOperations(db: Db): Promise<void> {
  const [oldKey, key] = [generateKey(), generateKey()];
  const store = new MongoSecretStore(db);
  await store.init();
  await fillOldDatabase(db, TENANTS, oldKey);
  const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
  const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  const both = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
  const after = new SecretsVault({ store, keys: both });

  const options = { ...sources, batchSize: 500, erase: true };
  await rate('migrate and erase', async () => (await migrateFromSettings(before, options)).scanned);
  await rate('rotate', async () => (await rotateKeys(after, { batchSize: 500 })).rotated);
  await rate('verify', async () => (await verifyVault(after)).scanned);
  const records = await db
    .collection('secrets')
    .find({ tenantId: { $gt: '' } })
    .toArray();
  await rate('raw bulkWrite', async () => {
    const raw = db.collection('raw');
    for (let at = 0; at < records.length; at += 500) {
      const page = records.slice(at, at + 500);
      await raw.bulkWrite(page.map((document) => ({ insertOne: { document } })));
    }
    return records.length;
  });
}

async function rate(name: string, operate: () => Promise<number>): Promise<void> {
  const start = performance.now();
  const count = await operate();
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `  ${name.padEnd(20)} ${count} in ${seconds.toFixed(2)} s, ${Math.round(count / seconds)}/s`,
  );
}

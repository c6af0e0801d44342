import {
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { expectMigrated, fillOldDatabase } from '../support/old-database.ts';

const { db } = await testDatabase();

it('moves 5,000 tenants in all states at once, and a second run changes nothing', {
  timeout: 300_000,
}, async () => {
  const key = newKey();
  const store = new MongoSecretStore(db);
  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
  const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
  await fillOldDatabase(db, 5000, key);
  await store.init();

  const report = await migrateFromSettings(vault, { ...sources, batchSize: 500 });
  // ten fields a tenant; of every fourth, two were in the vault already
  expect(report).toMatchObject({
    scanned: 5000 + 1250 + 1250,
    migrated: 50_000 - 2500,
    unchanged: 2500,
    erased: 0,
    plaintextRemaining: 50_000,
    conflictCount: 0,
    failedCount: 0,
  });
  await expectMigrated(vault, 400);
  expect(await verifyVault(vault)).toMatchObject({ ok: 15_000, problemCount: 0 });
  const before = await sources.secrets.find().sort({ _id: 1 }).toArray();
  const again = await migrateFromSettings(vault, sources);
  expect(again).toMatchObject({ migrated: 0, unchanged: 50_000, plaintextRemaining: 50_000 });
  expect(await sources.secrets.find().sort({ _id: 1 }).toArray()).toEqual(before);
});

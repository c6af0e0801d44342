import {
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { expect, it } from 'vitest';
import { queriesOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { expectMigrated, fillOldDatabase } from '../support/old-database.ts';

const { db } = await testDatabase();
// "npm run test:deep" takes ten times as many: they keep the server busy for minutes.
const TENANTS = process.env.PROVIDER_VAULT_DEEP ? 5_000 : 500;

it('reads the records a few times only in a dry run, before there is an index', async () => {
  const key = newKey();
  await fillOldDatabase(db, 500, key);
  const queries = await queriesOf(db, 'secrets', async (database) => {
    const store = new MongoSecretStore(database);
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
    const [settings, secrets] = [database.collection('settings'), database.collection('secrets')];
    await migrateFromSettings(vault, { settings, secrets, dryRun: true });
  });
  expect(queries.length).toBeLessThan(10);
  await db.dropDatabase();
});

it(`moves ${TENANTS} tenants in all states at once, and a second run changes nothing`, async () => {
  const key = newKey();
  const store = new MongoSecretStore(db);
  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
  const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
  await fillOldDatabase(db, TENANTS, key);
  await store.init();

  const report = await migrateFromSettings(vault, { ...sources, batchSize: 500 });
  // ten fields a tenant; of every fourth, two were in the vault already
  expect(report).toMatchObject({
    scanned: 1.5 * TENANTS,
    migrated: 9.5 * TENANTS,
    unchanged: TENANTS / 2,
    erased: 0,
    plaintextRemaining: 10 * TENANTS,
    conflictCount: 0,
    failedCount: 0,
  });
  await expectMigrated(vault, 400);
  // The replaced versions of the old system's records are unbound until they are rotated.
  expect(await verifyVault(vault)).toMatchObject({
    ok: 3 * TENANTS,
    history: { unbound: TENANTS / 4 },
    problemCount: TENANTS / 4,
  });
  const before = await sources.secrets.find().sort({ _id: 1 }).toArray();
  const again = await migrateFromSettings(vault, sources);
  expect(again).toMatchObject({
    migrated: 0,
    unchanged: 10 * TENANTS,
    plaintextRemaining: 10 * TENANTS,
  });
  expect(await sources.secrets.find().sort({ _id: 1 }).toArray()).toEqual(before);
});

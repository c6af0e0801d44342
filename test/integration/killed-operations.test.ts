import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  rotateKeys,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { expect, inject, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { expectMigrated, fillOldDatabase, plaintextIn } from '../support/old-database.ts';

const TENANTS = 200;
const KILLS = 20; // of each operation
const { db } = await testDatabase();
const store = new MongoSecretStore(db);
const [oldKey, newestKey] = [newKey(), newKey()];

/** Starts the operation in a process of its own, and kills it at a random moment. Was it in time? */
async function runAndKill(operation: string, env: Record<string, string>): Promise<boolean> {
  const worker = 'test/support/workers/long-operation.ts';
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', worker, inject('mongoUri'), db.databaseName, operation],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  await sleep(Math.random() * 120);
  child.kill('SIGKILL');
  return (await exited)[1] === 'SIGKILL';
}

it('survive kill -9 at any moment: nothing lost, nothing left', { timeout: 120_000 }, async () => {
  const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
  await fillOldDatabase(db, TENANTS, oldKey);
  await store.init();

  let inTime = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    if (await runAndKill('migrate', { APP_ENCRYPTION_KEY: oldKey })) inTime++;
  }
  expect(inTime).toBeGreaterThan(0);
  const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  const report = await migrateFromSettings(before, { ...sources, erase: true });
  expect(report).toMatchObject({ conflictCount: 0, failedCount: 0, plaintextRemaining: 0 });
  await expectMigrated(before, TENANTS);
  expect(await plaintextIn(db)).toEqual([]);

  const env = { APP_ENCRYPTION_KEY: newestKey, APP_DECRYPTION_KEYS: oldKey };
  inTime = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    if (await runAndKill('rotate', env)) inTime++;
  }
  expect(inTime).toBeGreaterThan(0);
  const both = new SecretsVault({ store, keys: Keyring.fromEnv(env) });
  expect(await rotateKeys(both)).toMatchObject({ remaining: 0 });
  // the old key can be dropped: everything opens without it
  const after = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newestKey }) });
  await expectMigrated(after, TENANTS);
  const verified = await verifyVault(both);
  expect(verified).toMatchObject({ ok: verified.scanned, unbound: 0, problemCount: 0 });
  expect(verified.droppableKeys).toEqual([new Keyring({ encryptionKey: oldKey }).encryptionKeyId]);
});

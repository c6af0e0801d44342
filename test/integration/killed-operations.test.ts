import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  rotateKeys,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { afterAll, expect, inject, it } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { expectMigrated, fillOldDatabase, plaintextIn } from '../support/old-database.ts';

const TENANTS = 200;
const KILLS = 20; // of each operation
const { db } = await testDatabase();
const store = new MongoSecretStore(db);
const worker = await bundleWorker('long-operation');
afterAll(() => rm(dirname(worker), { recursive: true }));
const [oldKey, newestKey] = [newKey(), newKey()];

/** A process that has everything loaded, and begins when told to. */
async function ready(operation: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [worker, inject('mongoUri'), db.databaseName, operation], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** Kills the operation at random moments, each time in a new process. How often was it in time? */
async function runAndKill(operation: string, env: Record<string, string>): Promise<number> {
  let inTime = 0;
  let next = ready(operation, env);
  for (let kill = 1; kill <= KILLS; kill++) {
    const child = await next;
    if (kill < KILLS) next = ready(operation, env); // starting takes longest
    const exited = once(child, 'exit');
    child.stdin.end();
    await sleep(Math.random() * 150);
    child.kill('SIGKILL');
    if ((await exited)[1] === 'SIGKILL') inTime++;
  }
  return inTime;
}

it('survive kill -9 at any moment: nothing lost, nothing left', { timeout: 180_000 }, async () => {
  const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
  await fillOldDatabase(db, TENANTS, oldKey);
  await store.init();

  expect(await runAndKill('migrate', { APP_ENCRYPTION_KEY: oldKey })).toBeGreaterThan(0);
  const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  const report = await migrateFromSettings(before, { ...sources, erase: true });
  expect(report).toMatchObject({ conflictCount: 0, failedCount: 0, plaintextRemaining: 0 });
  await expectMigrated(before, TENANTS);
  expect(await plaintextIn(db)).toEqual([]);

  const env = { APP_ENCRYPTION_KEY: newestKey, APP_DECRYPTION_KEYS: oldKey };
  expect(await runAndKill('rotate', env)).toBeGreaterThan(0);
  const both = new SecretsVault({ store, keys: Keyring.fromEnv(env) });
  expect(await rotateKeys(both)).toMatchObject({ remaining: 0 });
  // the old key can be dropped: everything opens without it
  const after = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newestKey }) });
  await expectMigrated(after, TENANTS);
  const verified = await verifyVault(both);
  expect(verified).toMatchObject({ ok: verified.scanned, unbound: 0, problemCount: 0 });
  expect(verified.droppableKeys).toEqual([new Keyring({ encryptionKey: oldKey }).encryptionKeyId]);
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import {
  Keyring,
  type LongOperationOptions,
  MongoSecretStore,
  migrateFromSettings,
  SecretsVault,
} from 'provider-vault';
import { afterAll, beforeEach, expect, inject, it } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { expectMigrated, fillOldDatabase, plaintextIn } from '../support/old-database.ts';

const TENANTS = 60;
const { db } = await testDatabase();
const store = new MongoSecretStore(db);
const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
const worker = await bundleWorker('long-operation');
afterAll(() => rm(dirname(worker), { recursive: true }));
const [oldKey, key] = [newKey(), newKey()];

beforeEach(async () => {
  await Promise.all(Object.values(sources).map((collection) => collection.drop().catch(() => {})));
  await fillOldDatabase(db, TENANTS, oldKey);
  await store.init();
});

/** Runs an operation in one process for each of the options, all at once. */
async function runShared(
  operation: string,
  env: Record<string, string>,
  shares: readonly LongOperationOptions[],
): Promise<Record<string, number>[]> {
  const uri = inject('mongoUri');
  const children = shares.map((options) => {
    const args = [worker, uri, db.databaseName, operation, JSON.stringify(options)];
    return spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  });
  const outputs = children.map(({ stdout }) => text(stdout));
  for (const { stdin } of children) stdin.end();
  await Promise.all(children.map((child) => once(child, 'exit')));
  return (await Promise.all(outputs)).map((output) => JSON.parse(output.split('\n')[1] as string));
}

const sum = (reports: readonly Record<string, number>[], name: string) =>
  reports.reduce((all, report) => all + (report[name] as number), 0);

/** How often each record was written. */
async function revisions(): Promise<Map<string, number>> {
  const revs = new Map<string, number>();
  for await (const batch of store.scan({})) {
    for (const { tenantId, provider, metadata } of batch) {
      revs.set(`${tenantId} ${provider}`, metadata?.rev ?? 0);
    }
  }
  return revs;
}

it('three processes with a part each do everything, and each record once', async () => {
  const parts = [0, 1, 2].map((index) => ({ part: { index, of: 3 } }));
  const documents =
    (await sources.settings.countDocuments()) + (await sources.secrets.countDocuments());
  const migrated = await runShared('migrate', { APP_ENCRYPTION_KEY: oldKey }, parts);
  expect(sum(migrated, 'scanned')).toBeLessThanOrEqual(documents);
  for (const name of ['conflictCount', 'failedCount', 'plaintextRemaining']) {
    expect(sum(migrated, name)).toBe(0);
  }
  expect(await plaintextIn(db)).toEqual([]);
  const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  await expectMigrated(before, TENANTS);

  const revs = await revisions();
  const env = { APP_ENCRYPTION_KEY: key, APP_DECRYPTION_KEYS: oldKey };
  const rotated = await runShared('rotate', env, parts);
  expect(rotated.every(({ scanned = 0 }) => scanned > 0)).toBe(true);
  expect(sum(rotated, 'rotated')).toBe(revs.size);
  for (const [name, rev] of await revisions())
    expect([name, rev]).toEqual([name, (revs.get(name) ?? 0) + 1]);
  await expectMigrated(
    new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) }),
    TENANTS,
  );
});

it('three processes with a range each do the same', async () => {
  const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  await migrateFromSettings(before, { ...sources, erase: true });
  const revs = await revisions();
  const ranges = (await store.split(3)).map((range) => ({ range }));
  expect(ranges).toHaveLength(3);
  const env = { APP_ENCRYPTION_KEY: key, APP_DECRYPTION_KEYS: oldKey };
  const rotated = await runShared('rotate', env, ranges);
  expect(sum(rotated, 'rotated')).toBe(revs.size);
  for (const [name, rev] of await revisions())
    expect([name, rev]).toEqual([name, (revs.get(name) ?? 0) + 1]);
  await expectMigrated(
    new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) }),
    TENANTS,
  );
});

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { afterAll, expect, inject, it, vi } from 'vitest';
import { type MongoServer, startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { bundleWorker } from '../support/bundle-worker.ts';
import { newKey } from '../support/fixtures.ts';

const PROCESSES = 20;
const TENANTS = 40;
const LOAD_MS = 10_000;

const server = await replicaSet();
const client = await MongoClient.connect(server.uri);
const db = client.db(`processes_${randomUUID().replaceAll('-', '')}`);
const worker = await bundleWorker('mixed-load');
afterAll(async () => {
  await db.dropDatabase();
  await client.close();
  await server.stop();
  await rm(dirname(worker), { recursive: true });
});
const key = newKey();
const names = Array.from({ length: TENANTS }, (_, n) => `tenant-${n}`);

/** The run's own server where it has change streams, so that a faster one can be named, else a new one. */
async function replicaSet(): Promise<Pick<MongoServer, 'uri' | 'describe' | 'stop'>> {
  const uri = inject('mongoUri');
  const own = await MongoClient.connect(uri);
  const { setName } = await own.db('admin').command({ hello: 1 });
  await own.close();
  if (setName === undefined) return startMongo({ replSet: true });
  return { uri, describe: 'the server of this run', stop: async () => {} };
}

interface Result {
  readonly written: readonly (readonly [string, number, number])[];
  readonly read: readonly (readonly [string, number, number])[];
  readonly own: readonly string[];
  readonly took: Readonly<Record<'read' | 'write' | 'insert', readonly number[]>>;
  readonly conflicts: number;
  readonly failures: readonly string[];
}

interface Running {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  /** The next line of its output. */
  said(): Promise<string>;
}

async function start(database: string, self: number): Promise<Running> {
  const args = [worker, server.uri, database, String(self), String(TENANTS), String(LOAD_MS)];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, APP_ENCRYPTION_KEY: key },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const said = async () => String((await lines.next()).value);
  expect(await said()).toBe('ready');
  return { child, said };
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => (sorted[Math.round(part * (sorted.length - 1))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)} ms (${sorted.length})`;
}

/** How long before a read began the value that it gave had been replaced, for reads that gave an old one. */
function staleness(results: readonly Result[]): number[] {
  const replaced = new Map<string, number>();
  for (const [tenant, count, at] of results.flatMap(({ written }) => written)) {
    replaced.set(`${tenant} ${count - 1}`, at);
  }
  return results.flatMap(({ read }) =>
    read.map(([tenant, count, begun]) =>
      Math.max(0, begun - (replaced.get(`${tenant} ${count}`) ?? begun)),
    ),
  );
}

it('20 processes with caches lose nothing, and hear of each other soon', {
  timeout: 180_000,
}, async () => {
  const store = new MongoSecretStore(db);
  await store.init();
  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
  for (const name of names) await vault.put(name, 'counter', { count: '0' });

  const running = await Promise.all(
    Array.from({ length: PROCESSES }, (_, self) => start(db.databaseName, self)),
  );
  for (const { child } of running) child.stdin.write('\n');
  const results = await Promise.all(
    running.map(async ({ said }) => JSON.parse(await said()) as Result),
  );

  // Nothing is lost: every acknowledged write is there, and no two of them were one.
  expect(results.flatMap(({ failures }) => failures)).toEqual([]);
  const written = results.flatMap((result) => result.written);
  const counts = Object.fromEntries(names.map((name) => [name, 0]));
  for (const [tenant] of written) counts[tenant] = (counts[tenant] ?? 0) + 1;
  const stored = await vault.getMany(names.map((tenantId) => ({ tenantId, provider: 'counter' })));
  const storedCounts = stored.map(({ credentials }) => Number(credentials?.reveal().count));
  expect(Object.fromEntries(names.map((name, at) => [name, storedCounts[at]]))).toEqual(counts);
  expect(new Set(written.map(([tenant, count]) => `${tenant} ${count}`)).size).toBe(written.length);
  const own = results.flatMap((result) => result.own);
  const kept = await vault.getMany(own.map((tenantId) => ({ tenantId, provider: 'counter' })));
  expect(kept.filter(({ credentials }) => credentials === undefined)).toEqual([]);
  expect(own.length).toBeGreaterThan(PROCESSES);
  expect(written.length).toBeGreaterThan(PROCESSES);

  // The caches, whose records are good for ten minutes, follow.
  await vi.waitFor(
    async () => {
      for (const { child, said } of running) {
        child.stdin.write('\n');
        expect(JSON.parse(await said())).toEqual(counts);
      }
    },
    { timeout: 60_000, interval: 500 },
  );

  const old = staleness(results);
  const stale = old.filter((age) => age > 0);
  const took = (kind: keyof Result['took']) => quantiles(results.flatMap(({ took }) => took[kind]));
  const conflicts = results.reduce((sum, result) => sum + result.conflicts, 0);
  console.log(
    [
      `${PROCESSES} processes, ${TENANTS} tenants, ${LOAD_MS / 1_000} s; ${server.describe}`,
      `  age of what reads gave after it was replaced: ${quantiles(old)}`,
      `  of those that gave a replaced value: ${quantiles(stale)}`,
      `  cached read: ${took('read')}`,
      `  compare-and-set: ${took('write')}, ${conflicts} conflicts`,
      `  first write: ${took('insert')}`,
    ].join('\n'),
  );
  const worst = old.toSorted((a, b) => a - b).at(Math.floor(0.99 * (old.length - 1))) ?? 0;
  expect(worst).toBeLessThan(20_000);

  for (const { child } of running) child.stdin.end();
  await Promise.all(running.map(({ child }) => once(child, 'exit')));
});

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  eraseTenant,
  type KeyEntry,
  Keyring,
  MongoAuditSink,
  MongoKeyStore,
  MongoSecretStore,
  rotateKeys,
  SecretsVault,
  TenantKeys,
  type TenantKeysOptions,
  verifyVault,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import { testDatabase } from '../support/database.ts';
import { newKey, rejection } from '../support/fixtures.ts';
import { entryOf } from '../support/tenant-keys.ts';
import { TestKms } from '../support/test-wrapper.ts';

const { db } = await testDatabase();
const worker = await bundleWorker('tenant-keys');
afterAll(() => rm(dirname(worker), { recursive: true }));
const kmsKey = newKey();
const wrapper = localWrapper(new Keyring({ encryptionKey: kmsKey }));
const store = new MongoSecretStore(db);
const keyStore = new MongoKeyStore(db);

type Worker = ChildProcessByStdio<Writable, Readable, null>;

beforeEach(async () => {
  for (const { name } of await db.listCollections().toArray()) await db.dropCollection(name);
  await store.init();
});

function open(options: Partial<TenantKeysOptions> = {}) {
  const keys = new TenantKeys({ wrapper, store: keyStore, ...options });
  return { keys, vault: new SecretsVault({ store, keys }) };
}

/** A process of the application that has everything loaded; it begins or stops when its input ends. */
async function start(args: readonly string[], env: Record<string, string> = {}): Promise<Worker> {
  const child = spawn(process.execPath, [worker, inject('mongoUri'), db.databaseName, ...args], {
    env: { ...process.env, KMS_KEYS: kmsKey, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

/** Ends the input of a process, and gives its last line. */
async function finish(child: Worker): Promise<string> {
  child.stdin.end();
  return (await text(child.stdout)).trim();
}

async function entries(): Promise<KeyEntry[]> {
  const all: KeyEntry[] = [];
  for await (const batch of keyStore.scan({})) all.push(...batch);
  return all;
}

it('20 processes that write first make one key', { timeout: 120_000 }, async () => {
  const children: Worker[] = [];
  for (let n = 0; n < 20; n += 5) {
    children.push(...(await Promise.all([0, 1, 2, 3, 4].map((m) => start(['put', `${n + m}`])))));
  }
  expect(await Promise.all(children.map(finish))).toEqual(Array(20).fill('done'));
  expect((await entryOf(keyStore)).keys).toHaveLength(1);
  const { vault } = open();
  for (let n = 0; n < 20; n++) expect((await vault.require('acme', `p${n}`)).n).toBe(`${n}`);
  expect(await verifyVault(vault)).toMatchObject({ ok: 20, keys: { t1: { ok: 20 } } });
});

it('10 processes that renew at once leave one more key or a few, and open everything', async () => {
  const { vault } = open();
  await vault.put('acme', 'before', { a: 'b' });
  const ids = await Promise.all(Array.from({ length: 10 }, () => open().keys.renew('acme')));
  const { current, keys } = await entryOf(keyStore);
  expect(keys.map(({ number }) => number)).toEqual(
    Array.from({ length: current }, (_, n) => n + 1),
  );
  expect(keys.map(({ keyId }) => keyId)).toEqual(expect.arrayContaining(ids));
  const cold = open().vault;
  expect((await cold.put('acme', 'after', { a: 'b' })).keyId).toBe(keys.at(-1)?.keyId);
  expect(await cold.get('acme', 'before')).toBeDefined();
});

it('moves in and back under the traffic of three processes', { timeout: 180_000 }, async () => {
  const TENANTS = 60;
  const oldKey = newKey();
  const keyring = new Keyring({ encryptionKey: oldKey });
  const before = new SecretsVault({ store, keys: keyring });
  const names = Array.from({ length: TENANTS }, (_, n) => `tenant-${n}`);
  await Promise.all(names.map((name) => before.put(name, 'custom', { of: name })));

  const run = (seal: string, n: number) =>
    start(['traffic', `${TENANTS}`, `${n}`], { APP_ENCRYPTION_KEY: oldKey, SEAL: seal });
  const outcomes: { reads: number; writes: number; problems: string[] }[] = [];
  let processes = await Promise.all([0, 1, 2].map((n) => run('keyring', n)));
  /** Replaces the processes one after the other, while the others go on. */
  const deploy = async (seal: string) => {
    const next: Worker[] = [];
    for (const [n, old] of processes.entries()) {
      next.push(await run(seal, n));
      outcomes.push(JSON.parse(await finish(old)));
    }
    processes = next;
  };
  await deploy('tenant');
  const { vault } = open({ keyring });
  await rotateKeys(vault, { batchSize: 20 });
  // A process may have been about to write what it had sealed before.
  expect(await rotateKeys(vault)).toMatchObject({ remaining: 0, failedCount: 0 });
  const moved = await verifyVault(vault);
  expect(moved).toMatchObject({ ok: TENANTS, problemCount: 0 });
  expect(moved.droppableKeys).toEqual([keyring.encryptionKeyId]);
  expect(await entries()).toHaveLength(TENANTS);

  await deploy('keyring');
  const back = open({ keyring, seal: 'keyring' }).vault;
  await rotateKeys(back, { batchSize: 20 });
  expect(await rotateKeys(back)).toMatchObject({ remaining: 0, failedCount: 0 });
  for (const child of processes) outcomes.push(JSON.parse(await finish(child)));
  for (const { reads, problems } of outcomes) {
    expect(problems).toEqual([]);
    expect(reads).toBeGreaterThan(5);
  }
  for (const name of names) expect((await before.require(name, 'custom')).of).toBe(name);
});

it('rewraps 1,000 keys, killed in the middle, and touches no record', {
  timeout: 180_000,
}, async () => {
  const TENANTS = 1000;
  const names = Array.from({ length: TENANTS }, (_, n) => `tenant-${n}`);
  const { vault } = open();
  for (let n = 0; n < TENANTS; n += 50) {
    await Promise.all(
      names.slice(n, n + 50).map((name) => vault.put(name, 'custom', { of: name })),
    );
  }
  const records = await db.collection('secrets').find().sort({ _id: 1 }).toArray();
  const ids = (await entries()).map(({ keys }) => keys.map(({ keyId }) => keyId));

  const newest = newKey();
  const moved = async () =>
    (await entries()).filter(({ keys }) => keys[0]?.wrapper !== wrapper.id).length;
  let last = 0;
  let killed = 0;
  for (let run = 0; run < 6; run++) {
    const child = await start(['rewrap'], { KMS_KEYS: `${newest},${kmsKey}` });
    const exited = once(child, 'exit');
    child.stdin.end();
    await sleep(50 + Math.random() * 150);
    child.kill('SIGKILL');
    if ((await exited)[1] === 'SIGKILL') killed++;
    const now = await moved();
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
  }
  expect(killed).toBeGreaterThan(0);
  const after = localWrapper(new Keyring({ encryptionKey: newest }));
  const { keys } = open({ wrapper: after, previousWrappers: [wrapper] });
  expect(await keys.rewrap()).toMatchObject({ scanned: TENANTS, failedCount: 0 });
  expect(await moved()).toBe(TENANTS);
  expect((await entries()).map(({ keys }) => keys.map(({ keyId }) => keyId))).toEqual(ids);
  expect(await db.collection('secrets').find().sort({ _id: 1 }).toArray()).toEqual(records);
  const only = open({ wrapper: after }).vault;
  expect(await verifyVault(only)).toMatchObject({ ok: TENANTS, problemCount: 0 });
});

describe('eraseTenant', () => {
  it('killed at any step is unfinished, and a second run finishes', {
    timeout: 240_000,
  }, async () => {
    const steps = { intact: 0, erased: 0 };
    for (const when of ['before', 'after'] as const) {
      for (let step = 1; ; step++) {
        const tenant = `${when}-${step}`;
        const { vault } = open();
        for (const provider of ['custom', 'other', 'more']) {
          await vault.put(tenant, provider, { token: 'one' });
        }
        const [backup] = await store.list(tenant);
        const child = await start(['erase', tenant, `${step}`, when]);
        const exited = once(child, 'exit');
        const said = await finish(child);
        const [code, signal] = await exited;
        if (signal !== 'SIGKILL') {
          expect([code, said]).toEqual([0, 'done']);
          break;
        }
        const entry = await entryOf(keyStore, tenant);
        const { vault: cold } = open();
        if (entry.erased === undefined) {
          steps.intact++;
          expect(await store.list(tenant)).toHaveLength(3);
          expect((await cold.require(tenant, 'custom')).token).toBe('one');
        } else {
          steps.erased++;
          await expect(cold.put(tenant, 'custom', { a: 'b' })).rejects.toMatchObject({
            code: 'ERR_KEY_ERASED',
          });
          // The keys go last: as long as they are there, the erasure is known to be unfinished.
          if (entry.keys.length === 0) expect(await store.list(tenant)).toEqual([]);
        }
        await eraseTenant(cold, tenant);
        expect(await store.list(tenant)).toEqual([]);
        expect((await entryOf(keyStore, tenant)).keys).toEqual([]);
        await store.put(backup as NonNullable<typeof backup>, null);
        await expect(open().vault.get(tenant, backup?.provider as string)).rejects.toMatchObject({
          code: 'ERR_KEY_ERASED',
        });
      }
    }
    expect(steps.intact).toBeGreaterThanOrEqual(3);
    expect(steps.erased).toBeGreaterThanOrEqual(10);
  });

  it('removes duplicates, reserved records and audit events', async () => {
    const sink = new MongoAuditSink(db);
    const { keys } = open();
    const collection = 'without_index';
    const plain = new MongoSecretStore(db, { collection });
    const vault = new SecretsVault({ store: plain, keys, audit: { sink, mode: 'strict' } });
    await vault.put('acme', 'custom', { a: 'b' });
    await vault.put('other', 'custom', { a: 'b' });
    const record = await plain.get({ tenantId: 'acme', provider: 'custom' });
    await db.collection(collection).insertMany([{ ...record }, { ...record, provider: '$lease' }]);
    const report = await eraseTenant(vault, 'acme', { audit: 'erase', actor: 'ann' });
    expect(report).toEqual({
      tenantId: 'acme',
      records: 2,
      providers: ['custom'],
      keys: 1,
      events: expect.any(Number),
    });
    expect(report.events).toBeGreaterThanOrEqual(3);
    expect(await db.collection(collection).distinct('tenantId')).toEqual(['other']);
    expect((await sink.find({ tenantId: 'acme' })).map(({ action }) => action)).toEqual(['erase']);
    expect(await sink.find({ tenantId: 'other' })).toHaveLength(1);
  });
});

it('under load a KMS that stops and comes back costs no wrong answer', async () => {
  const kms = new TestKms();
  kms.delayMs = 2;
  const { vault: writer } = open({ wrapper: kms });
  const names = Array.from({ length: 40 }, (_, n) => `tenant-${n}`);
  await Promise.all(names.map((name) => writer.put(name, 'custom', { of: name })));
  const { vault } = open({ wrapper: kms, cache: { ttlMs: 400 } });
  const seen = { ok: 0, unavailable: 0 };
  let stop = false;
  const loaded = async (at: number) => {
    for (let n = at; !stop; n++) {
      const name = names[n % names.length] as string;
      const call =
        n % 5 === 0
          ? vault.patch(name, 'custom', { last: `${n}` }).then(() => ({ of: name }))
          : vault.require(name, 'custom');
      const result = await call.catch((error: { code?: string }) => error);
      if ('of' in result) {
        expect(result.of).toBe(name);
        seen.ok++;
      } else if ('code' in result && result.code === 'ERR_KEY_UNAVAILABLE') seen.unavailable++;
      else throw result;
      await sleep(1);
    }
  };
  const start = () => Array.from({ length: 8 }, (_, at) => loaded(at));
  let load = start();
  await sleep(600);
  expect(seen.unavailable).toBe(0);
  kms.state = 'down';
  await sleep(100);
  const whileWarm = { ...seen };
  expect(whileWarm.ok).toBeGreaterThan(0);
  await sleep(900);
  expect(seen.unavailable).toBeGreaterThan(0);
  expect(await rejection(vault.put('new', 'custom', { a: 'b' }))).toMatchObject({
    code: 'ERR_KEY_UNAVAILABLE',
  });
  stop = true;
  await Promise.all(load);
  const failed = seen.unavailable;
  kms.state = 'up';
  stop = false;
  load = start();
  await sleep(600);
  stop = true;
  await Promise.all(load);
  expect(seen.unavailable).toBe(failed);
  const cold = open({ wrapper: kms }).vault;
  expect(await verifyVault(cold)).toMatchObject({
    ok: 40,
    problemCount: 0,
    keys: { t1: { ok: 40 } },
  });
});

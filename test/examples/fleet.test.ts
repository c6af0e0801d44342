import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Keyring, MongoSecretStore, SecretsVault, verifyVault } from 'provider-vault';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { openQueues, rangesOf, startRotation } from '../../examples/fleet/rotation.ts';
import { bundleWorker } from '../support/bundle-worker.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { noRedis, startRedis } from '../support/redis-server.ts';
import { runScript } from '../support/run-script.ts';

const RECORDS = 600;
const PARTS = 24;
const KILLS = 3; // of each of two workers
const reason = await noRedis();

describe.skipIf(reason)(`the example fleet (${reason ?? 'Redis is found'})`, async () => {
  if (reason) return;
  const redis = await startRedis();
  afterAll(() => redis.stop());
  const { db } = await testDatabase();
  const store = new MongoSecretStore(db);
  const [oldKey, key] = [newKey(), newKey()];
  const url = new URL(inject('mongoUri'));
  url.pathname = `/${db.databaseName}`;
  const env = {
    MONGO_URL: url.href,
    REDIS_URL: redis.url,
    APP_ENCRYPTION_KEY: key,
    APP_DECRYPTION_KEYS: oldKey,
    LOCK_MS: '1000',
  };

  const [worker, starter] = await Promise.all(
    ['worker', 'start'].map((name) => bundleWorker(`examples/fleet/${name}.ts`)),
  );
  const children = new Set<ChildProcess>();
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    for (const script of [worker, starter])
      await rm(dirname(script as string), { recursive: true });
  });

  function start(script = '', args: readonly string[] = [], more: object = {}) {
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, ...env, ...more },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.add(child);
    return child;
  }

  async function startWorker(maxPerSecond: number): Promise<ChildProcess> {
    const child = start(worker, [], { MAX_PER_SECOND: String(maxPerSecond) });
    await once(child.stdout, 'data');
    return child;
  }

  async function stop(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  it('does every range, though two of three workers are killed', { timeout: 300_000 }, async () => {
    await store.init();
    const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
    for (let n = 0; n < RECORDS; n += 50) {
      const some = Array.from({ length: 50 }, (_, at) => n + at);
      await Promise.all(some.map((of) => before.put(`tenant-${of}`, 'custom', { of: `${of}` })));
    }

    const slow = await startWorker(10); // leaves work for those that are killed
    const workers = await Promise.all([startWorker(60), startWorker(60)]);
    const starting = start(starter, ['november', String(PARTS)]);
    const output = text(starting.stdout);
    const ended = once(starting, 'exit');
    const queues = openQueues({ url: redis.url });
    while ((await queues.ranges.getActiveCount()) < 3) await sleep(20);
    let inWork = 0;
    for (let kill = 0; kill < 2 * KILLS; kill++) {
      await sleep(100 + Math.random() * 400);
      if ((await rangesOf(queues, 'november')).done.length < PARTS) inWork++;
      await stop(workers[kill % 2] as ChildProcess, 'SIGKILL');
      workers[kill % 2] = await startWorker(60);
    }
    expect(inWork).toBeGreaterThan(KILLS);

    expect((await ended)[0]).toBe(0);
    expect(await output).toContain(`${PARTS} of ${PARTS} ranges are done`);
    const { done, failed } = await rangesOf(queues, 'november');
    expect({ done: done.length, failed: failed.length }).toEqual({ done: PARTS, failed: 0 });

    // Each record was sealed anew once, whoever was killed, and opens without the old key.
    const after = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
    expect(await verifyVault(after)).toMatchObject({ scanned: RECORDS, ok: RECORDS });
    for await (const batch of store.scan({})) {
      for (const { metadata } of batch) expect(metadata?.rev).toBe(2);
    }
    for (const n of [0, 299, RECORDS - 1]) {
      expect((await after.require(`tenant-${n}`, 'custom')).of).toBe(`${n}`);
    }

    // Begun a second time, it does nothing: the ranges of the first split count.
    expect(await startRotation(queues, store, { id: 'november', parts: 5 })).toBe(PARTS);
    expect(await queues.ranges.getJobCountByTypes('waiting', 'active', 'delayed')).toBe(0);
    await queues.close();
    await Promise.all([slow, ...workers].map((worker) => stop(worker, 'SIGTERM')));
  });

  it('goes on where a worker was told to stop', async () => {
    const queues = openQueues({ url: redis.url });
    const newest = newKey();
    Object.assign(env, { APP_ENCRYPTION_KEY: newest, APP_DECRYPTION_KEYS: key });
    const first = await startWorker(60); // ten seconds of work
    await startRotation(queues, store, { id: 'december', parts: 1 });
    const { encryptionKeyId } = new Keyring({ encryptionKey: newest });
    const done = { 'metadata.keyId': encryptionKeyId };
    while ((await db.collection('secrets').countDocuments(done)) < 60) await sleep(20);
    await stop(first, 'SIGTERM');
    const job = await queues.ranges.getJob('december-0');
    expect(job?.data.after).toEqual(expect.any(String));
    const second = await startWorker(1_000);
    while ((await rangesOf(queues, 'december')).done.length < 1) await sleep(50);
    const [report] = (await rangesOf(queues, 'december')).done.map(
      ({ returnvalue }) => returnvalue,
    );
    expect(report?.scanned).toBeLessThan(RECORDS);
    await stop(second, 'SIGTERM');
    await queues.close();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newest }) });
    expect(await verifyVault(vault)).toMatchObject({ scanned: RECORDS, ok: RECORDS });
  });

  it('is not done when the records are under another key: the id was used before', async () => {
    const keys = { APP_ENCRYPTION_KEY: newKey(), APP_DECRYPTION_KEYS: env.APP_ENCRYPTION_KEY };
    const again = start(starter, ['december'], keys);
    const output = text(again.stdout);
    expect((await once(again, 'exit'))[0]).toBe(1);
    const { encryptionKeyId } = new Keyring({ encryptionKey: env.APP_ENCRYPTION_KEY });
    expect(await output).toContain(`Still in use: ${encryptionKeyId}.`);
  });

  it('says how fast one worker is, and three', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await runScript('examples/fleet/main.ts', ['300'], {
      REDIS_URL: redis.url,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^1 worker: \d+ records per second$/m);
    expect(stdout).toMatch(/^Three workers are [\d.]+ times as fast as one\.$/m);
  });
});

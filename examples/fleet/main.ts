// npx tsx examples/fleet/main.ts [RECORDS]: the rate of one worker, and of three. It starts a MongoDB; Redis must
// be running: REDIS_URL, or this machine's.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { generateKey, Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { startMongo } from '../mongo-server/mongo-server.ts';
import { openQueues, rangesOf, startRotation } from './rotation.ts';

const records = Number(process.argv[2] ?? 3_000);
const mongo = await startMongo();
const redisUrl = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379';
const url = new URL(mongo.uri);
const run = randomBytes(6).toString('hex');
url.pathname = `/provider_vault_fleet_${run}`;
const client = await MongoClient.connect(url.href);
const store = new MongoSecretStore(client.db());
const worker = fileURLToPath(new URL('worker.ts', import.meta.url));

const queues = openQueues({ url: redisUrl });

function startWorker([key = '', ...others]: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', worker], {
    env: {
      ...process.env,
      MONGO_URL: url.href,
      REDIS_URL: redisUrl,
      APP_ENCRYPTION_KEY: key,
      APP_DECRYPTION_KEYS: others.join(','),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Rotates everything by so many workers. @returns records per second */
async function rotate(count: number, keys: readonly string[]): Promise<number> {
  const workers = Array.from({ length: count }, () => startWorker(keys));
  await Promise.all(workers.map(({ stdout }) => stdout && once(stdout, 'data')));
  const id = `${run}-by-${count}`; // Redis remembers those of earlier runs
  const begun = performance.now();
  const ranges = await startRotation(queues, store, { id, parts: 24 });
  for (let left = ranges; left > 0; ) {
    await sleep(20);
    const { done, failed } = await rangesOf(queues, id);
    if (failed.length > 0) throw new Error(`A range failed: ${failed[0]?.failedReason}`);
    left = ranges - done.length;
  }
  const seconds = (performance.now() - begun) / 1_000;
  for (const child of workers) child.kill('SIGTERM');
  await Promise.all(workers.map((child) => once(child, 'exit')));
  return records / seconds;
}

try {
  await store.init();
  const keys = [generateKey()];
  const vault = new SecretsVault({
    store,
    keys: new Keyring({ encryptionKey: keys[0] as string }),
  });
  for (let n = 0; n < records; n += 100) {
    const some = Array.from({ length: Math.min(100, records - n) }, (_, at) => `tenant-${n + at}`);
    await Promise.all(
      some.map((tenant) => vault.put(tenant, 'custom', { token: randomBytes(24).toString('hex') })),
    );
  }
  console.log(`${records} records, ${mongo.describe}, ${cpus().length} processors`);
  const rates: number[] = [];
  for (const count of [1, 3]) {
    keys.unshift(generateKey());
    const rate = await rotate(count, keys);
    rates.push(rate);
    console.log(`${count} worker${count > 1 ? 's' : ''}: ${Math.round(rate)} records per second`);
  }
  const [one = 1, three = 0] = rates;
  console.log(`Three workers are ${(three / one).toFixed(2)} times as fast as one.`);
} finally {
  await queues.close();
  await client.db().dropDatabase();
  await client.close();
  await mongo.stop();
}

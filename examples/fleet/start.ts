// Begins a rotation that the workers share, waits for them, and says what is left to do.
// MONGO_URL=… REDIS_URL=… APP_ENCRYPTION_KEY=… APP_DECRYPTION_KEYS=… npx tsx examples/fleet/start.ts ID
import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault, verifyVault } from 'provider-vault';
import { openQueues, rangesOf, startRotation } from './rotation.ts';

const { MONGO_URL = '', REDIS_URL = '' } = process.env;
const [id = new Date().toISOString().slice(0, 10), parts = '48'] = process.argv.slice(2);
const client = await MongoClient.connect(MONGO_URL);
const store = new MongoSecretStore(client.db());
const queues = openQueues({ url: REDIS_URL });
try {
  const count = await startRotation(queues, store, { id, parts: Number(parts) });
  for (let left = count; left > 0; ) {
    await sleep(500);
    const { done, failed } = await rangesOf(queues, id);
    const now = count - done.length - failed.length;
    if (now !== left) console.log(`${done.length} of ${count} ranges are done`);
    left = now;
  }
  const { done, failed } = await rangesOf(queues, id);
  for (const job of failed) console.log(`Range ${job.id} was given up: ${job.failedReason}`);
  const remaining = done.reduce((sum, { returnvalue }) => sum + returnvalue.remaining, 0);
  console.log(`Left to rotate in the ranges that are done: ${remaining}`);

  // No range says which keys nobody needs any more: that takes a look at everything.
  const keys = Keyring.fromEnv();
  const vault = new SecretsVault({ store, keys });
  const { ok, scanned, droppableKeys, ...found } = await verifyVault(vault);
  console.log(`${ok} of ${scanned} records open. Keys that can go: ${droppableKeys.join(', ')}`);
  const used = new Set([...Object.keys(found.keys), ...Object.keys(found.historyKeys)]);
  used.delete(keys.encryptionKeyId);
  if (used.size > 0) {
    console.log(
      `Still in use: ${[...used].join(', ')}. Have all workers the new key? Was ${id} used before?`,
    );
  }
  process.exitCode = failed.length + remaining + used.size === 0 && ok === scanned ? 0 : 1;
} finally {
  await queues.close();
  await client.close();
}

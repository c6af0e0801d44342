// Rotates ranges until it is stopped. Start as many as you like, on as many machines.
// MONGO_URL=… REDIS_URL=… APP_ENCRYPTION_KEY=… APP_DECRYPTION_KEYS=… npx tsx examples/fleet/worker.ts
import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { startWorker } from './rotation.ts';

const { MONGO_URL = '', REDIS_URL = '', LOCK_MS, MAX_PER_SECOND } = process.env;
const client = await MongoClient.connect(MONGO_URL);
const vault = new SecretsVault({
  store: new MongoSecretStore(client.db()),
  keys: Keyring.fromEnv(),
});
const abort = new AbortController();
const worker = startWorker(vault, { url: REDIS_URL, maxRetriesPerRequest: null }, abort.signal, {
  ...(LOCK_MS && { lockMs: Number(LOCK_MS) }),
  ...(MAX_PER_SECOND && { maxPerSecond: Number(MAX_PER_SECOND) }),
});
worker.on('error', ({ message }) => console.error(message)); // Redis is away
worker.on('failed', (job, { message }) => console.error(job?.id, message));

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, async () => {
    abort.abort();
    await worker.close();
    await client.close();
  });
}
console.log('ready');

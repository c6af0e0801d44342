// How much the library adds to raw node:crypto and to the raw driver, as ratios of one run.
import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import {
  Keyring,
  MemorySecretStore,
  MongoSecretStore,
  open,
  SecretsVault,
  seal,
} from 'provider-vault';
import { startMongo } from '../support/mongo-server.ts';
import { compare } from './compare.ts';
import { handOpen, handSeal } from './hand-written.ts';
import { benchOperations } from './operations.ts';

const bundle = JSON.stringify({ accountSid: 'a'.repeat(34), authToken: 'b'.repeat(227) });
const keyBytes = randomBytes(32);
const keys = new Keyring({ encryptionKey: keyBytes });
const key = keys.encryptionKey();
const sealed = seal(bundle, key);

console.log(`seal and open, ${bundle.length} bytes`);
await compare('seal', {
  'node:crypto': () => handSeal(bundle, key.key),
  'provider-vault': () => seal(bundle, key),
});
await compare('open', {
  'node:crypto': () => handOpen(sealed, key.key),
  'provider-vault': () => open(sealed, key),
});

console.log('\nvault.get in memory, against opening and parsing the record by hand');
const memory = new SecretsVault({ store: new MemorySecretStore(), keys });
await memory.put('acme', 'twilio_like', JSON.parse(bundle));
await compare('get', {
  'node:crypto': () => JSON.parse(handOpen(sealed, key.key).toString('utf8')),
  'provider-vault': () => memory.get('acme', 'twilio_like'),
});

const cached = new SecretsVault({
  store: new MemorySecretStore(),
  keys,
  cache: { ttlMs: 3_600_000 },
});
await cached.put('acme', 'twilio_like', JSON.parse(bundle));
await compare('get, cached', {
  'node:crypto': () => JSON.parse(handOpen(sealed, key.key).toString('utf8')),
  'provider-vault': () => cached.get('acme', 'twilio_like'),
});

const server = await startMongo();
console.log(`\nvault on ${server.describe}`);
const client = await MongoClient.connect(server.uri);
const database = client.db('provider_vault_bench');
const raw = database.collection('secrets');
const store = new MongoSecretStore(database);
await store.init();
const vault = new SecretsVault({ store, keys, history: 0 });
const ref = { tenantId: 'acme', provider: 'custom' };
await vault.put('acme', 'custom', JSON.parse(bundle));
await compare('get', {
  'findOne + node:crypto': async () => {
    const found = await raw.findOne(ref);
    return JSON.parse(handOpen(found?.data, key.key).toString('utf8'));
  },
  'provider-vault': () => vault.get('acme', 'custom'),
});
let rev = (await vault.list('acme'))[0]?.rev ?? 0;
await compare('put, revision known', {
  'node:crypto + updateOne': async () => {
    await raw.updateOne(ref, { $set: { data: handSeal(bundle, key.key), 'metadata.rev': ++rev } });
  },
  'provider-vault': async () => {
    await vault.put('acme', 'custom', JSON.parse(bundle), { expectedRev: rev++ });
  },
});

const many = Array.from({ length: 100 }, (_, n) => ({ tenantId: `many${n}`, provider: 'custom' }));
let manyRev = 0;
const sealedAt = (revision: number) =>
  many.map((at) => ({
    record: { ...at, data: handSeal(bundle, key.key), metadata: { rev: revision } },
    expectedRev: revision - 1,
  }));
await store.putMany(sealedAt(++manyRev));
await compare('putMany, 100 records', {
  bulkWrite: () =>
    raw.bulkWrite(
      sealedAt(++manyRev).map(({ record: { data, metadata, ...at } }) => ({
        updateOne: { filter: at, update: { $set: { data, metadata } } },
      })),
      { ordered: false },
    ),
  'store.putMany': () => store.putMany(sealedAt(++manyRev)),
});

console.log('\nlong operations, a thousand tenants of an old database');
await benchOperations(client.db('provider_vault_bench_operations'));
await database.dropDatabase();
await client.close();
await server.stop();

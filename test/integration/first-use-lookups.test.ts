import { createRequire } from 'node:module';
import { type Db, MongoClient, ObjectId } from 'mongodb';
import { Keyring, MemorySecretStore, SecretsVault, type SecretsVaultOptions } from 'provider-vault';
import { describe, expect, inject, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';

const { db } = await testDatabase();
const settings = db.collection('settings');
await settings.insertMany(
  Array.from({ length: 500 }, (_, n) => ({
    user_id: `u${n}`,
    org: `o${n}`,
    openai_api_key: `k${n}`,
  })),
);
await db.collection('indexed').insertMany(await settings.find().toArray());
await db.collection('indexed').createIndex({ user_id: 1 });

type Settings = NonNullable<SecretsVaultOptions['settings']>;

/** A vault whose settings are in another client's database, and the documents that it reads. */
async function monitored(options: (db: Db) => Settings) {
  const client = await MongoClient.connect(inject('mongoUri'), { monitorCommands: true });
  let documents = 0;
  client.on('commandSucceeded', ({ reply }) => {
    const { firstBatch = [], nextBatch = [] } =
      (reply as { cursor?: Record<string, []> }).cursor ?? {};
    documents += firstBatch.length + nextBatch.length;
  });
  const vault = new SecretsVault({
    store: new MemorySecretStore(),
    keys: new Keyring({ encryptionKey: newKey() }),
    settings: options(client.db(db.databaseName)),
  });
  return { vault, documents: () => documents, close: () => client.close() };
}

describe('tenants that do not exist', () => {
  it.each<[string, (db: Db) => Settings, number, string]>([
    ['an index', (of) => of.collection('indexed'), 50, 'u7'],
    ['no index', (of) => of.collection('settings'), 600, 'u7'],
    [
      'tenantOf',
      (of) => ({ settings: of.collection('settings'), tenantOf: ({ org }) => org }),
      600,
      'o7',
    ],
  ])('do not read all settings each, with %s', async (_name, options, most, known) => {
    const { vault, documents, close } = await monitored(options);
    await Promise.all(Array.from({ length: 30 }, (_, n) => vault.get(`x${n}`, 'openai')));
    for (let n = 30; n < 40; n++) expect(await vault.get(`x${n}`, 'openai')).toBeUndefined();
    expect(documents()).toBeLessThan(most);
    expect((await vault.require(known, 'openai')).apiKey).toBe('k7');
    await close();
  });
});

it('makes ObjectIds with the driver of the collection, whichever that is', async () => {
  const require = createRequire(import.meta.url);
  for (const path of Object.keys(require.cache)) {
    if (/\/node_modules\/(mongodb|bson)\//.test(path)) delete require.cache[path];
  }
  const other: typeof import('mongodb') = require('mongodb');
  expect(other.ObjectId).not.toBe(ObjectId);
  const client = await other.MongoClient.connect(inject('mongoUri'), { monitorCommands: true });
  const sent: unknown[] = [];
  client.on('commandStarted', ({ command }) => {
    const [condition] = command.filter?.$and ?? [];
    sent.push(...(condition?.user_id?.$in ?? []));
  });
  const collection = client.db(db.databaseName).collection('by_object_id');
  await collection.createIndex({ user_id: 1 });
  const id = new other.ObjectId();
  await collection.insertMany([
    { user_id: 'text', openai_api_key: 'a' },
    { user_id: id, openai_api_key: 'b' },
  ]);
  const vault = new SecretsVault({
    store: new MemorySecretStore(),
    keys: new Keyring({ encryptionKey: newKey() }),
    settings: collection as never,
  });
  expect((await vault.require(String(id), 'openai')).apiKey).toBe('b');
  expect(sent.filter((value) => typeof value === 'object')).toEqual([expect.any(other.ObjectId)]);
  await client.close();
});

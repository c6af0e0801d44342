import { type Document, MongoClient, type MongoClientOptions } from 'mongodb';
import { etag, Keyring, MongoAuditSink, MongoSecretStore, SecretsVault } from 'provider-vault';
import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { caseInsensitiveCollection, knowsCollation } from '../support/collation.ts';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { newRecord, write } from '../support/store-write.ts';

// A replica set: a standalone server is never sent a read preference.
const server = await startMongo({ replSet: true });
const plain = await MongoClient.connect(server.uri);
afterAll(async () => {
  await plain.close();
  await server.stop();
});
const keys = new Keyring({ encryptionKey: newKey() });

/** Names of settings that a command carries in other words than the store's. */
function strangeSettings({ commandName, command }: { commandName: string; command: Document }) {
  const strange: string[] = [];
  if (command.$readPreference && command.$readPreference.mode !== 'primary') {
    strange.push(`readPreference ${command.$readPreference.mode}`);
  }
  const writes = ['insert', 'update', 'delete', 'createIndexes'].includes(commandName);
  const { w, j } = command.writeConcern ?? {};
  if (writes && !(w === 'majority' && j === true)) strange.push(`writeConcern ${w} ${j}`);
  const reads = ['find', 'aggregate'].includes(commandName);
  const level = command.readConcern?.level;
  const changes = command.pipeline?.[0]?.$changeStream !== undefined;
  if (reads && level !== (changes ? 'majority' : 'local')) strange.push(`readConcern ${level}`);
  return strange.map((setting) => `${commandName}: ${setting}`);
}

describe.each<[string, MongoClientOptions]>([
  ['readPreference', { readPreference: 'secondaryPreferred' }],
  ['readConcern', { readConcern: { level: 'available' } }],
  ['w: 0', { writeConcern: { w: 0 } }],
  ['promoteValues', { promoteValues: false }],
  ['promoteLongs', { promoteLongs: false }],
  ['promoteBuffers', { promoteBuffers: true }],
  ['useBigInt64', { useBigInt64: true }],
  ['fieldsAsRaw', { fieldsAsRaw: { metadata: true, data: true } }],
  ['raw', { raw: true }],
  ['bsonRegExp and ignoreUndefined', { bsonRegExp: true, ignoreUndefined: false }],
])('a connection with %s of its own', (name, options) => {
  const client = new MongoClient(server.uri, { ...options, monitorCommands: true });
  const db = client.db('connection');
  const collection = `of ${name}`;
  afterAll(() => client.close());
  beforeEach(async () => {
    await plain.db('connection').collection(collection).deleteMany({});
  });

  it('does not change what the store does', async () => {
    const store = new MongoSecretStore(db, { collection });
    const at = new Date('2024-05-06T07:08:09.123Z');
    const more = {
      metadata: { rev: 1, createdAt: at, updatedAt: at, note: undefined },
      history: [{ rev: 0, data: 'old', updatedAt: at }],
      big: 2 ** 40,
    };
    const [record, second] = [newRecord('a', 'custom', more as object), newRecord('a')];
    const stored = { ...record, metadata: { rev: 1, createdAt: at, updatedAt: at } };
    const commands = await commandsOf(client, async () => {
      await store.init();
      await store.init();
      expect(await store.check()).toEqual([]);
      const changes: string[] = [];
      const stop = await store.watch(({ tenantId }) => changes.push(tenantId));
      expect(await store.get(record)).toBe(undefined);
      expect(await store.put(record, null)).toBe(true);
      expect(await store.put(record, null)).toBe(false);
      expect(await store.get(record)).toStrictEqual(stored);
      expect(await store.getMany([record])).toStrictEqual([stored]);
      expect(await store.list('a')).toStrictEqual([stored]);
      for await (const batch of store.scan({})) expect(batch).toStrictEqual([stored]);
      expect(await store.put(second, etag(record))).toBe(true);
      expect(await store.put(record, etag(record))).toBe(false);
      expect(
        await store.putMany([write('a', etag(second)), write('b'), write('a', etag(second))]),
      ).toEqual([true, true, false]);
      expect(await store.count()).toBe(2);
      expect(await store.delete(record, etag(second))).toBe(false);
      expect(await store.delete(record)).toBe(true);
      await stop();
    });
    expect(commands.flatMap(strangeSettings)).toEqual([]);
    expect(await plain.db('connection').collection(collection).countDocuments()).toBe(1);
  });

  it('does not change what the audit sink does', async () => {
    const sink = new MongoAuditSink(db, { collection, expireAfterSeconds: 3_600 });
    const event = {
      at: new Date('2034-05-06T07:08:09.123Z'),
      action: 'get',
      tenantId: 'a',
      provider: 'custom',
      fields: ['x'],
      outcome: 'ok',
      rev: 2,
      source: 'vault',
    } as const;
    const commands = await commandsOf(client, async () => {
      await sink.init();
      await sink.init();
      await sink.write(event);
      expect(await sink.find({ tenantId: 'a' })).toStrictEqual([event]);
    });
    expect(commands.flatMap(strangeSettings)).toEqual([]);
  });

  it('does not change what a vault reads', async () => {
    const vault = new SecretsVault({ store: new MongoSecretStore(db, { collection }), keys });
    await vault.put('a', 'custom', { f: '1' });
    await vault.patch('a', 'custom', { g: '2' });
    const found = await vault.require('a', 'custom');
    expect({ ...found.reveal(), rev: found.meta.rev }).toEqual({ f: '1', g: '2', rev: 2 });
    expect(await vault.delete('a', 'custom')).toBe(true);
  });
});

const { db } = await testDatabase();

describe.runIf(await knowsCollation(db))('a collection that ignores case', async () => {
  const collection = await caseInsensitiveCollection(db, 'ignores_case');
  const store = new MongoSecretStore(collection as never);
  const [acme, other] = [newRecord('acme'), newRecord('ACME')];
  beforeEach(async () => {
    await collection.deleteMany({});
    await store.put(acme, null);
  });

  it('is refused by init, with what to do', async () => {
    await expect(store.init()).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
      message: expect.stringMatching(/"ignores_case" has the default collation "en".*Create a/),
    });
    expect((await store.check()).map(({ kind }) => kind)).toEqual(['collation', 'no-index']);
    expect(await collection.indexes()).toHaveLength(1);
  });

  it('keeps tenants apart all the same', async () => {
    expect(await store.get(other)).toBe(undefined);
    expect(await store.getMany([other])).toEqual([]);
    expect(await store.list('ACME')).toEqual([]);
    expect(await store.delete(other)).toBe(false);
    expect(await store.delete(other, etag(acme))).toBe(false);
    expect(await store.put(other, etag(acme))).toBe(false);
    expect(await store.putMany([{ record: other, expected: etag(acme) }])).toEqual([false]);
    expect(await store.get(acme)).toEqual(acme);
    expect(await store.list('acme')).toEqual([acme]);
  });

  it('takes the etag by code point', async () => {
    const data = `${'aZ'.repeat(8)}tail`;
    await collection.updateOne({ tenantId: 'acme' }, { $set: { data } });
    for (const expected of ['az'.repeat(8), 'AZ'.repeat(8)]) {
      expect(await store.put(newRecord('acme'), expected)).toBe(false);
      expect(await store.delete(acme, expected)).toBe(false);
    }
    expect(await store.put(newRecord('acme'), etag({ data }))).toBe(true);
  });

  it('keeps the events of tenants apart', async () => {
    const sink = new MongoAuditSink(collection as never);
    await sink.write({ at: new Date(), tenantId: 'ACME', action: 'get' } as never);
    expect(await sink.find({ tenantId: 'acme', action: 'get' })).toEqual([]);
    expect(await sink.find({ tenantId: 'ACME', action: 'get' })).toHaveLength(1);
  });

  it('is used with the simple collation also where its options cannot be read', async () => {
    const unauthorized = Object.assign(new Error('not authorized'), { code: 13 });
    const secretive = new Proxy(collection, {
      get: (target, name) =>
        name === 'options'
          ? () => Promise.reject(unauthorized)
          : target[name as keyof typeof target],
    });
    expect(await new MongoSecretStore(secretive as never).get(other)).toBe(undefined);
  });

  it('is noticed also when it is made after the first read', async () => {
    const client = await MongoClient.connect(inject('mongoUri'), { monitorCommands: true });
    const later = new MongoSecretStore(client.db(db.databaseName), { collection: 'made_later' });
    const collations = async () => {
      const commands = await commandsOf(client, () => later.get(acme));
      return commands.flatMap((one) =>
        one.commandName === 'find' ? [one.command.collation?.locale] : [],
      );
    };
    expect(await collations()).toEqual([undefined]);
    await caseInsensitiveCollection(db, 'made_later');
    expect(await collations()).toEqual(['simple']);
    await client.close();
  });

  it('hands out no record of another address, even where the collation is disregarded', async () => {
    const careless = new Proxy(collection, {
      get: (target, name) =>
        name === 'options' ? async () => ({}) : target[name as keyof typeof target],
    });
    const misled = new MongoSecretStore(careless as never);
    for (const read of [
      () => misled.get(other),
      () => misled.getMany([other]),
      () => misled.list('ACME'),
    ]) {
      await expect(read()).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' });
    }
  });
});

it('a document that is not the record and has its _id is a failure, not a conflict', async () => {
  const collection = db.collection('occupied');
  await collection.insertOne({ _id: 'acme/custom' as never, tenantId: 'ACME', provider: 'custom' });
  const store = new MongoSecretStore(collection);
  const failure = { code: 'ERR_STORE_FAILED', message: expect.stringContaining('_id') };
  await expect(store.put(newRecord('acme'), null)).rejects.toMatchObject(failure);
  await expect(store.putMany([write('b'), write('acme')])).rejects.toMatchObject(failure);
  expect(await store.get({ tenantId: 'b', provider: 'custom' })).toBeDefined();
});

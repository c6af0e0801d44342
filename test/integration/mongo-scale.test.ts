import { setTimeout as sleep } from 'node:timers/promises';
import { type Document, MongoClient, type MongoClientOptions } from 'mongodb';
import {
  Keyring,
  MongoAuditSink,
  MongoKeyStore,
  MongoSecretStore,
  SecretsVault,
} from 'provider-vault';
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { commandsOf } from '../support/commands.ts';
import { textOf } from '../support/documents.ts';
import { newKey, rejection } from '../support/fixtures.ts';
import { newRecord } from '../support/store-write.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

// What the guide on MongoDB at scale says, tried with one server.

const server = await startMongo({ replSet: true });
const client = await MongoClient.connect(server.uri, { monitorCommands: true });
const db = client.db('scale');
afterAll(async () => {
  await client.close();
  await server.stop();
});
const guide = textOf('docs/guides/mongodb-at-scale.md');
const keys = new Keyring({ encryptionKey: newKey() });
const cache = { ttlMs: 600_000 };

async function connect(uri: string, options: MongoClientOptions): Promise<MongoClient> {
  const connected = await MongoClient.connect(uri, options);
  onTestFinished(() => connected.close());
  return connected;
}

function cachedVault(source: MongoClient): SecretsVault {
  const store = new MongoSecretStore(source.db('scale'));
  const vault = new SecretsVault({ store, keys, cache });
  onTestFinished(() => vault.close());
  return vault;
}

/** The options of the client in the guide, as they stand there. */
function guideOptions(): MongoClientOptions {
  const [, text = ''] = /new MongoClient\(uri, (\{[^}]*\})/.exec(guide) ?? [];
  const json = text
    .replace(/\/\/.*$/gm, '')
    .replace(/(\w+):/g, '"$1":')
    .replace(/(\d)_(\d)/g, '$1$2');
  return JSON.parse(json.replace(/,\s*\}/, '}'));
}

// `sh.shardCollection` makes an index on the shard key, unless one is there that begins with it.
describe('init on a collection that is sharded', () => {
  const secrets = db.collection('secrets');
  const store = new MongoSecretStore(db);
  beforeEach(() => secrets.drop());

  it.each<[string, Document, number]>([
    ['unique, on { tenantId: 1, provider: 1 }, which serves as the address index', {}, 3],
    ['on { tenantId: 1 }, beside which it makes the address index', { tenantId: 1 }, 4],
  ])('finds an index %s', async (_name, key, indexes) => {
    const isPrefix = 'tenantId' in key;
    await secrets.createIndex(isPrefix ? key : { tenantId: 1, provider: 1 }, { unique: !isPrefix });
    const started = await commandsOf(client, () => store.init());
    expect(await store.check()).toEqual([]);
    expect(await secrets.indexes()).toHaveLength(indexes);
    const made = started.filter(({ commandName }) => commandName === 'createIndexes');
    for (const { command } of made) {
      for (const { key: keys, unique = false } of command.indexes) {
        // A unique index of a sharded collection must begin with the shard key, and none may be hashed.
        const fields = new Map<string, unknown>(keys);
        if (unique) expect([...fields.keys()][0]).toBe('tenantId');
        expect([...fields.values()]).not.toContain('hashed');
      }
    }
    expect(await store.put(newRecord('a'), null)).toBe(true);
    await expect(secrets.insertOne({ ...newRecord('a') })).rejects.toMatchObject({ code: 11000 });
  });

  it('refuses one that was sharded without unique: true, and takes the index of the guide', async () => {
    await secrets.createIndex({ tenantId: 1, provider: 1 });
    await expect(store.init()).rejects.toThrow('is not unique');
    const [, js = ''] = /db\.secrets\.createIndex\(([\s\S]*?)\);/.exec(guide) ?? [];
    const [index, options] = JSON.parse(
      `[${js
        .replace(/([$\w]+):/g, '"$1":')
        .replaceAll("'", '"')
        .replace(/,(\s*[}\]])/g, '$1')
        .replace(/,\s*$/, '')}]`,
    );
    await secrets.createIndex(index, options);
    await store.init();
    expect(await store.check()).toEqual([]);
  });

  it('accepts the full index that an existing collection needs for its shard key', async () => {
    await store.init();
    await store.put(newRecord('a'), null);
    const full = { name: 'shard_key', unique: true };
    await secrets.createIndex({ tenantId: 1, provider: 1 }, full);
    await store.init();
    expect(await store.check()).toEqual([]);
  });

  it('needs nothing for keys, and takes its index for events', async () => {
    await db
      .collection('vault_keys')
      .createIndex({ _id: 'hashed' as never })
      .catch(() => {});
    await new MongoKeyStore(db).init();
    const sink = new MongoAuditSink(db);
    await sink.init();
    const events = await db.collection('secrets_audit').indexes();
    expect(events.map(({ key }) => key)).toContainEqual({ tenantId: 1, at: 1 }); // the shard key
  });
});

describe('change streams', () => {
  it('a vault has one, however many tenants and readers it has', async () => {
    const vault = cachedVault(client);
    const other = new SecretsVault({ store: new MongoSecretStore(db), keys });
    for (let n = 0; n < 30; n++) await other.put(`t${n}`, 'custom', { n: String(n) });
    const commands = await commandsOf(client, () =>
      Promise.all(Array.from({ length: 300 }, (_, n) => vault.require(`t${n % 30}`, 'custom'))),
    );
    const streams = commands.filter(({ command }) => command.pipeline?.[0]?.$changeStream);
    expect(streams).toHaveLength(1);
    expect(commands.filter(({ commandName }) => commandName === 'find')).toHaveLength(30);
    const [first] = streams;
    // Addresses only: no ciphertext travels to every process at each write.
    expect(first?.command.pipeline[1].$project).not.toHaveProperty('fullDocument.data');
  });

  it('goes on after its connections are lost, and misses no write', async () => {
    const proxy = await tcpProxy(server.uri);
    const distant = await connect(proxy.uri, {});
    const told = new Map<string, number>();
    let order = 0;
    let lastGap = -1;
    const stop = await new MongoSecretStore(distant.db('scale')).watch(
      ({ tenantId }) => void told.set(tenantId, order++),
      () => {
        lastGap = order++;
      },
    );
    const store = new MongoSecretStore(db);
    const written: string[] = [];
    for (let n = 0; n < 30; n++) {
      if (n % 10 === 5) proxy.reset();
      const record = newRecord(`lost-${n}`);
      expect(await store.put(record, null)).toBe(true);
      written.push(record.tenantId);
      await sleep(20);
    }
    // Told of, or covered by a gap, after which the cache is empty.
    await vi.waitFor(() => {
      const missed = written.filter((tenantId) => !told.has(tenantId));
      expect(missed.length === 0 || lastGap > 0).toBe(true);
      expect(told.has('lost-29')).toBe(true);
    }, 20_000);
    console.log(
      `Of 30 writes around 3 losses, ${told.size} were told, ${lastGap < 0 ? 'without a gap' : 'with a gap'}.`,
    );
    await stop();
    await proxy.close();
  });

  it('a cache follows across a loss', async () => {
    const proxy = await tcpProxy(server.uri);
    const vault = cachedVault(await connect(proxy.uri, {}));
    const other = new SecretsVault({ store: new MongoSecretStore(db), keys });
    await other.put('cut', 'custom', { n: '0' });
    expect((await vault.require('cut', 'custom')).n).toBe('0');
    for (let n = 1; n <= 5; n++) {
      proxy.reset();
      await other.put('cut', 'custom', { n: String(n) });
      await vi.waitFor(
        async () => expect((await vault.require('cut', 'custom')).n).toBe(String(n)),
        20_000,
      );
    }
    await proxy.close();
  });

  it('holds a connection of the pool: a pool of one is too small for a cache', async () => {
    const small = await connect(server.uri, { maxPoolSize: 1, waitQueueTimeoutMS: 200 });
    const vault = cachedVault(small);
    const other = new SecretsVault({ store: new MongoSecretStore(db), keys });
    for (let n = 0; n < 5; n++) await other.put(`p${n}`, 'custom', { n: '0' });
    const reads = Array.from({ length: 5 }, (_, n) => vault.get(`p${n}`, 'custom'));
    const results = await Promise.allSettled(reads);
    expect(results.map(({ status }) => status)).toContain('rejected');
    const two = cachedVault(await connect(server.uri, { maxPoolSize: 2 }));
    for (let n = 0; n < 5; n++) expect((await two.require(`p${n}`, 'custom')).n).toBe('0');
  });
});

describe('the options of the guide', () => {
  it('end a call on a server that hangs, and let the change stream live', async () => {
    const proxy = await tcpProxy(server.uri);
    const options = guideOptions();
    const distant = await connect(proxy.uri, options);
    const vault = cachedVault(distant);
    const other = new SecretsVault({ store: new MongoSecretStore(db), keys });
    await other.put('hang', 'custom', { n: '0' });
    expect((await vault.require('hang', 'custom')).n).toBe('0');
    await sleep(2_500); // more than two empty answers of the stream
    await other.put('hang', 'custom', { n: '1' });
    await vi.waitFor(
      async () => expect((await vault.require('hang', 'custom')).n).toBe('1'),
      20_000,
    );

    proxy.hold(true);
    const started = performance.now();
    const error = await rejection(vault.put('hang', 'custom', { n: '2' }));
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    expect(performance.now() - started).toBeLessThan(25_000);
    const signal = AbortSignal.timeout(200);
    await expect(vault.put('hang', 'custom', { n: '2' }, { signal })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
    proxy.hold(false);
    await vi.waitFor(() => vault.put('hang', 'custom', { n: '3' }), 20_000);
    await proxy.close();
  });
});

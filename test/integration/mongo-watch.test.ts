import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { newRecord } from '../support/store-write.ts';
import { tcpProxy } from '../support/tcp-proxy.ts';

const server = await startMongo({ replSet: true });
const client = await MongoClient.connect(server.uri);
const db = client.db('watched');
const { db: standalone } = await testDatabase();
afterAll(async () => {
  await client.close();
  await server.stop();
});
const keys = new Keyring({ encryptionKey: newKey() });

describe('MongoSecretStore.watch', () => {
  it('tells of writes and deletes of others, until it is stopped', async () => {
    const told: string[] = [];
    const store = new MongoSecretStore(db);
    const stop = await store.watch(({ tenantId, provider }) =>
      told.push(`${tenantId} ${provider}`),
    );
    const other = new SecretsVault({ store: new MongoSecretStore(db), keys });
    await other.put('a/1', 'custom', { f: '1' });
    await other.put(
      'a/1',
      'custom',
      { f: '2' },
      { ifMatch: (await other.require('a/1', 'custom')).meta.etag },
    );
    await other.patch('b', 'custom', { f: '3' });
    await other.delete('a/1', 'custom');
    await vi.waitFor(() => {
      expect(told).toEqual(['a/1 custom', 'a/1 custom', 'b custom', 'a/1 custom']);
    }, 20_000);
    await stop();
    await other.put('b', 'custom', { f: '4' });
    await sleep(200);
    expect(told).toHaveLength(4);
  });

  it('says that it may have missed something when the stream ended, and goes on', async () => {
    const told: string[] = [];
    const dropped = db.collection('dropped');
    const store = new MongoSecretStore(dropped);
    const stop = await store.watch(
      ({ tenantId }) => told.push(tenantId),
      () => told.push('gap'),
    );
    const other = new SecretsVault({ store, keys });
    await other.put('a', 'custom', { f: '1' });
    await vi.waitFor(() => expect(told).toEqual(['a']), 20_000);
    await dropped.drop(); // ends the stream: there is nothing to resume
    await vi.waitFor(() => expect(told.at(-1)).toBe('gap'), 20_000);
    // What is written before it is open again is in the gap.
    await vi.waitFor(async () => {
      await other.put('b', 'custom', { f: '1' });
      expect(told.at(-1)).toBe('b');
    }, 20_000);
    await stop();
  });

  it('names no record for a deleted document of the old system, and so it is a gap', async () => {
    const told: string[] = [];
    const store = new MongoSecretStore(db, { collection: 'old' });
    const stop = await store.watch(
      ({ tenantId }) => told.push(tenantId),
      () => told.push('gap'),
    );
    await db.collection('old').insertOne({ tenantId: 'old', provider: 'custom', data: 'x' });
    await store.delete({ tenantId: 'old', provider: 'custom' });
    await vi.waitFor(() => expect(told).toEqual(['old', 'gap']), 20_000);
    await stop();
  });

  it('is a gap while the server does not answer, until it does', async () => {
    const proxy = await tcpProxy(server.uri);
    const distant = await MongoClient.connect(proxy.uri);
    const told: string[] = [];
    const stop = await new MongoSecretStore(distant.db('watched'), { collection: 'held' }).watch(
      ({ tenantId }) => told.push(tenantId),
      (restored) => {
        told.push('gap');
        restored?.then(() => told.push('restored'));
      },
    );
    proxy.hold(true);
    await sleep(2_000);
    expect(told).toEqual([]);
    await vi.waitFor(() => expect(told).toEqual(['gap']), 20_000);
    await new MongoSecretStore(db, { collection: 'held' }).put(newRecord('a'), null);
    proxy.hold(false);
    await vi.waitFor(() => expect(told.toSorted()).toEqual(['a', 'gap', 'restored']), 20_000);
    await stop();
    await distant.close();
    await proxy.close();
  });

  it('is a gap from the end of the stream until it is open again', async () => {
    const first = await startMongo({ args: [], replSet: true });
    const client = await MongoClient.connect(first.uri, { serverSelectionTimeoutMS: 300 });
    const told: string[] = [];
    const stop = await new MongoSecretStore(client.db('x')).watch(
      () => {},
      (restored) => {
        told.push('gap');
        restored?.then(() => told.push('over'));
      },
    );
    await first.stop();
    await vi.waitFor(() => expect(told).toContain('gap'), 20_000);
    await sleep(1_000);
    expect(told).not.toContain('over');
    await stop();
    await vi.waitFor(() => expect(told.at(-1)).toBe('over'), 20_000); // nobody waits for ever
    await client.close();
  });

  it('outlasts a server that goes away, and stops at once meanwhile', async () => {
    const short = await startMongo({ args: [], replSet: true });
    const quick = { serverSelectionTimeoutMS: 300 };
    const leaving = await MongoClient.connect(short.uri, quick);
    const stop = await new MongoSecretStore(leaving.db('x')).watch(() => {});
    await short.stop();
    await sleep(1_500); // into the tries to open it again
    const started = performance.now();
    await stop();
    expect(performance.now() - started).toBeLessThan(5_000);
    await leaving.close();
  });

  it('keeps the cache of a vault up to date with another process', async () => {
    const cached = new SecretsVault({
      store: new MongoSecretStore(db),
      keys,
      cache: { ttlMs: 600_000, max: 10 },
    });
    const other = new SecretsVault({ store: new MongoSecretStore(db), keys });
    await other.put('c', 'custom', { f: 'old' });
    await vi.waitFor(async () => {
      // the watch begins with the first read, and is there a moment later
      expect((await cached.require('c', 'custom')).f).toBe('old');
      await sleep(300);
      expect((await cached.require('c', 'custom')).f).toBe('old');
    }, 20_000);
    await other.put('c', 'custom', { f: 'new' });
    await vi.waitFor(async () => {
      expect((await cached.require('c', 'custom')).f).toBe('new');
    }, 20_000);
    await cached.close();
  });

  it('refuses at once where the server has no change streams', async () => {
    await expect(new MongoSecretStore(standalone).watch(() => {})).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
    });
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { startMongo } from '../support/mongo-server.ts';

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
    await other.put('a/1', 'custom', { f: '2' }, { expectedRev: 1 });
    await other.patch('b', 'custom', { f: '3' });
    await other.delete('a/1', 'custom');
    await vi.waitFor(() => {
      expect(told).toEqual(['a/1 custom', 'a/1 custom', 'b custom', 'a/1 custom']);
    }, 10_000);
    await stop();
    await other.put('b', 'custom', { f: '4' });
    await sleep(200);
    expect(told).toHaveLength(4);
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
    }, 5_000);
    await other.put('c', 'custom', { f: 'new' });
    await vi.waitFor(async () => {
      expect((await cached.require('c', 'custom')).f).toBe('new');
    }, 10_000);
    await cached.close();
  });

  it('refuses at once where the server has no change streams', async () => {
    await expect(new MongoSecretStore(standalone).watch(() => {})).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
    });
  });
});

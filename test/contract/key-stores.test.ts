import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import {
  FileKeyStore,
  FileSecretStore,
  type KeyStore,
  MemoryKeyStore,
  MongoKeyStore,
} from 'provider-vault';
import { describeKeyStore } from 'provider-vault/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { failingCases } from '../support/failing-cases.ts';

const { client, db } = await testDatabase({ monitorCommands: true });
const nowhere = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 });
afterAll(() => nowhere.close());
const folder = mkdtempSync(join(tmpdir(), 'key-stores-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeKeyStore({ describe, it }, { name: 'MemoryKeyStore', open: () => new MemoryKeyStore() });

let path = '';
describeKeyStore(
  { describe, it },
  {
    name: 'FileKeyStore',
    open: () => {
      path = join(folder, `${randomUUID()}.json`);
      return new FileKeyStore(path);
    },
    reopen: () => new FileKeyStore(path),
    unreachable: () => new FileKeyStore(join(folder, 'none', 'keys.json')),
  },
);

let collection = '';
describeKeyStore(
  { describe, it },
  {
    name: 'MongoKeyStore',
    open: () => {
      collection = `vault_keys_${randomUUID()}`;
      return new MongoKeyStore(db, { collection });
    },
    reopen: () => new MongoKeyStore(db, { collection }),
    unreachable: () => new MongoKeyStore(nowhere.db('none')),
  },
);

const entry = (tenantId: string) => ({ tenantId, etag: 'AAAABBBBCCCCDDDD', current: 0, keys: [] });

describe('MongoKeyStore', () => {
  it('keeps one document per tenant in vault_keys, with the tenant as its _id', async () => {
    await new MongoKeyStore(db).put(entry('acme'), null);
    const { tenantId, ...members } = entry('acme');
    expect(await db.collection('vault_keys').find().toArray()).toEqual([
      { _id: tenantId, ...members },
    ]);
  });

  it('reads from the primary, and waits for a majority and the journal', async () => {
    const other = client.db(db.databaseName, {
      readPreference: 'secondaryPreferred',
      writeConcern: { w: 0 },
    });
    const store = new MongoKeyStore(other, { collection: 'concerns' });
    const commands = await commandsOf(client, async () => {
      await store.put(entry('a'), null);
      await store.put({ ...entry('a'), etag: 'EEEEBBBBCCCCDDDD' }, entry('a').etag);
      await store.get('a');
      for await (const _ of store.scan({}));
    });
    const sent = commands.map(({ command }) => command);
    for (const { writeConcern } of sent.filter(({ update }) => update)) {
      expect(writeConcern).toEqual({ w: 'majority', j: true });
    }
    expect(sent.filter(({ update }) => update)).toHaveLength(2);
    const reads = sent.filter(({ find }) => find);
    expect(reads).toHaveLength(2);
    for (const { $readPreference } of reads) {
      expect($readPreference ?? { mode: 'primary' }).toEqual({ mode: 'primary' });
    }
  });

  it('mixes no tenants in a collection with a collation, and init refuses it', async () => {
    const name = 'collated';
    await db.createCollection(name, { collation: { locale: 'en', strength: 1 } });
    const store = new MongoKeyStore(db, { collection: name });
    await store.put(entry('acme'), null);
    expect(await store.get('ACME')).toBeUndefined();
    expect(await store.put(entry('ACME'), entry('acme').etag)).toBe(false);
    // A server that applies the collation to _id has no place for it; the test server does not.
    const other = { ...entry('ACME'), current: 7 };
    await store.put(other, null).catch((error) => expect(error.code).toBe('ERR_STORE_FAILED'));
    expect(await store.get('acme')).toEqual(entry('acme'));
    await expect(store.init()).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' });
    await new MongoKeyStore(db, { collection: 'not there' }).init();
  });

  it('takes no operator for a tenant or an etag', async () => {
    const store = new MongoKeyStore(db, { collection: 'operators' });
    await store.put(entry('acme'), null);
    const operator = { $gt: '' } as unknown as string;
    await expect(store.get(operator)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await store.put(entry('acme'), operator)).toBe(false);
    const all = store.scan({ after: { $exists: true } as unknown as string });
    for await (const batch of all) for (const { tenantId } of batch) expect(tenantId).toBe('acme');
  });
});

it('the file of the keys is not taken for that of the records, nor the reverse', async () => {
  const keys = join(folder, 'keys.json');
  await new FileKeyStore(keys).put(entry('acme'), null);
  const ref = { tenantId: 'acme', provider: 'custom' };
  await expect(new FileSecretStore(keys).get(ref)).rejects.toMatchObject({
    code: 'ERR_STORE_FAILED',
  });
  const records = join(folder, 'records.json');
  await new FileSecretStore(records).put({ ...ref, data: 'A'.repeat(40) }, null);
  await expect(new FileKeyStore(records).get('acme')).rejects.toMatchObject({
    code: 'ERR_STORE_FAILED',
  });
});

// A memory store with one fault each, and the beginning of the name of the case that must find it.
const FAULTS: Record<string, [expected: string, fault: (inner: KeyStore) => Partial<KeyStore>]> = {
  'does not look at the etag': [
    'S3',
    (inner) => ({
      put: async (next) => inner.put(next, (await inner.get(next.tenantId))?.etag ?? null),
    }),
  ],
  'overwrites where there must be nothing': [
    'S3: put with null',
    (inner) => ({
      put: async (next, expected) =>
        inner.put(next, expected ?? (await inner.get(next.tenantId))?.etag ?? null),
    }),
  ],
  'compares, waits, then writes': [
    'S1: of many',
    (inner) => ({
      put: async (next, expected) => {
        const stored = (await inner.get(next.tenantId))?.etag ?? null;
        if (stored !== expected) return false;
        await new Promise((resolve) => setImmediate(resolve));
        return inner.put(next, (await inner.get(next.tenantId))?.etag ?? null);
      },
    }),
  ],
  'ignores case': [
    'S1: tells tenants apart',
    (inner) => ({
      get: async (tenantId) => {
        const found = await inner.get(tenantId.toLowerCase());
        return found && { ...found, tenantId };
      },
      put: (next, expected) =>
        inner.put({ ...next, tenantId: next.tenantId.toLowerCase() }, expected),
    }),
  ],
  'drops unknown members': [
    'S2',
    (inner) => ({
      put: ({ tenantId, etag, current, keys }, expected) =>
        inner.put({ tenantId, etag, current, keys }, expected),
    }),
  ],
  'returns dates as text': [
    'S2',
    (inner) => ({
      get: async (tenantId) => {
        const found = await inner.get(tenantId);
        return found && JSON.parse(JSON.stringify(found));
      },
    }),
  ],
  'begins a scan anew': [
    'S10',
    (inner) => ({ scan: ({ batchSize = 100 }) => inner.scan({ batchSize }) }),
  ],
};

it.each(Object.entries(FAULTS))(
  'the contract finds a store that %s',
  async (_, [expected, fault]) => {
    const open = () => {
      const inner = new MemoryKeyStore();
      const good: KeyStore = {
        get: (tenantId) => inner.get(tenantId),
        put: (next, etag) => inner.put(next, etag),
        scan: (query) => inner.scan(query),
      };
      return { ...good, ...fault(good) };
    };
    const failing = await failingCases({ name: 'broken', open }, describeKeyStore);
    expect(failing.filter((name) => name.startsWith(expected))).not.toEqual([]);
  },
);

import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { MongoKeyStore } from 'provider-vault';
import { describeKeyStore } from 'provider-vault/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';

const { client, db } = await testDatabase({ monitorCommands: true });
const nowhere = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 });
afterAll(() => nowhere.close());

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

import { etag, Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { runScript } from '../support/run-script.ts';
import { newRecord, write } from '../support/store-write.ts';

const { db } = await testDatabase();
const secrets = db.collection('secrets');
const store = new MongoSecretStore(db);
const key = newKey();
const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
const ref = { tenantId: 'a', provider: 'custom' };

beforeEach(async () => {
  await secrets.deleteMany({});
});

describe('compare-and-set', () => {
  it('lets one of many racing first writes win, with and without the index', async () => {
    for (const name of ['indexed', 'plain']) {
      const racing = new MongoSecretStore(db, { collection: name });
      if (name === 'indexed') await racing.init();
      const results = await Promise.all(
        Array.from({ length: 40 }, () => racing.put(newRecord('a'), null)),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      expect(await db.collection(name).countDocuments()).toBe(1);
    }
  });

  it('sees a record that was deleted and made anew', async () => {
    const page = newRecord('a');
    await store.put(page, null);
    await store.delete(ref);
    await store.put(newRecord('a'), null);
    expect(await store.put(newRecord('a'), etag(page))).toBe(false);
    expect(await store.delete(ref, etag(page))).toBe(false);
  });

  it('sees that the old system has written, which keeps no revision', async () => {
    const [first, second] = [newRecord('a').data, newRecord('a').data];
    await secrets.insertOne({ ...ref, data: first });
    await secrets.updateOne(ref, { $set: { data: second } });
    expect(await store.put(newRecord('a'), etag({ data: first }))).toBe(false);
    expect(await store.put(newRecord('a'), null)).toBe(false);
    expect(await store.put(newRecord('a'), etag({ data: second }))).toBe(true);
    expect(await secrets.countDocuments()).toBe(1);
  });

  it('compares an etag by code point, as a whole', async () => {
    for (const expected of ['AbC+/09zAbC+/09z', 'zzzzzzzzzzzzzzzz', '++++++++++++++++']) {
      await secrets.deleteMany({});
      await secrets.insertOne({ ...ref, data: `${expected}tail` });
      const first15 = expected.slice(0, 15);
      const others = [first15, `${expected}t`, `${first15}Z`, `${first15}0`, '.'.repeat(16), ''];
      for (const other of others) {
        expect([other, await store.put(newRecord('a'), other)]).toEqual([other, false]);
        expect([other, await store.delete(ref, other)]).toEqual([other, false]);
      }
      expect(await store.put(newRecord('a'), expected)).toBe(true);
    }
  });

  it.each([undefined, null, 5, 'old', { $ne: 1 }])(
    'writes a record whose data is %j by the etag ""',
    async (data) => {
      const replace = async (expected: string) => {
        await secrets.deleteMany({});
        await secrets.insertOne(data === undefined ? { ...ref } : { ...ref, data });
        return store.put(newRecord('a'), expected);
      };
      expect(await replace('AAAAAAAAAAAAAAAA')).toBe(false);
      expect(await replace('')).toBe(true);
      expect(await store.put(newRecord('a'), '')).toBe(false);
      expect(await store.delete(ref, '')).toBe(false);
    },
  );

  it('tells for each of many writes whether it was done', async () => {
    const [a, b] = [newRecord('a'), newRecord('b')];
    await store.putMany([a, b].map((record) => ({ record, expected: null })));
    await secrets.insertMany([
      { tenantId: 'old', provider: 'custom', data: 'no etag', metadata: null },
      { tenantId: 'list', provider: 'custom', data: a.data, metadata: [1] },
    ]);
    const writes = [
      write('a', etag(a)), // done
      write('b', etag(a)), // lost: another etag
      write('c'), // done
      write('a'), // lost: exists
      write('b', etag(b)), // done
      write('d', etag(a)), // lost: does not exist
      write('b', 'short'), // lost: no etag
      write('old', ''), // done: a document of the old system
      write('list', etag(a)), // done: the same
    ];
    const done = [true, false, true, false, true, false, false, true, true];
    expect(await store.putMany(writes)).toEqual(done);
    for (const [at, { record }] of writes.entries()) {
      expect((await store.get(record))?.data === record.data).toBe(done[at]);
    }
    expect(await store.get(ref)).toMatchObject({ metadata: { rev: 1 } });
    expect(await store.putMany([])).toEqual([]);
  });

  it.each([undefined, 5, { $ne: null }, null])(
    'refuses %j as an address or a condition',
    async (value) => {
      await store.put(newRecord('a'), null);
      const bad = value as never;
      for (const operation of [
        store.get({ tenantId: 'a', provider: bad }),
        store.getMany([{ tenantId: bad, provider: 'custom' }]),
        store.list(bad),
        store.put({ ...newRecord('a'), tenantId: bad }, null),
        store.delete({ tenantId: bad, provider: 'custom' }),
        ...(value === null ? [] : [store.put(newRecord('a'), bad)]),
        ...(value === undefined ? [] : [store.delete(ref, bad)]),
        store.putMany([{ record: { ...newRecord('a'), provider: bad }, expected: null }]),
      ]) {
        await expect(operation).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      }
      expect(await secrets.countDocuments()).toBe(1);
    },
  );

  it('merges 100 patches of 4 processes', async () => {
    await vault.put('acme', 'custom', { before: 'x' });
    const runs = await Promise.all(
      [0, 25, 50, 75].map((first) =>
        runScript(
          'test/support/workers/patch-many.ts',
          [inject('mongoUri'), db.databaseName, `${first}`, '25'],
          { APP_ENCRYPTION_KEY: key },
        ),
      ),
    );
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(Array(4).fill([0, '']));
    const found = await vault.require('acme', 'custom');
    expect(Object.keys(found.reveal())).toHaveLength(101);
    expect(found.meta.rev).toBe(101);
  });
});

describe('scan and list', () => {
  it('go through the records only, in order, in batches, from anywhere to anywhere', async () => {
    await secrets.insertMany(Array.from({ length: 30 }, (_, n) => ({ user_id: `${n}` })));
    await store.putMany(
      ['b', 'a', 'c'].flatMap((tenant) => [write(tenant), write(tenant, null, 'twilio')]),
    );
    const names = (records: readonly { tenantId: string; provider: string }[]) =>
      records.map((r) => `${r.tenantId}/${r.provider}`);
    const scan = async (query: Parameters<typeof store.scan>[0]) => {
      const batches = [];
      for await (const batch of store.scan(query)) batches.push(names(batch));
      return batches;
    };
    const all = ['a/custom', 'a/twilio', 'b/custom', 'b/twilio', 'c/custom', 'c/twilio'];
    expect(await scan({ batchSize: 4 })).toEqual([all.slice(0, 4), all.slice(4)]);
    const refs = all.map((name) => {
      const [tenantId = '', provider = ''] = name.split('/');
      return { tenantId, provider };
    });
    for (const [from, after] of refs.entries()) {
      for (const [to, until] of refs.entries()) {
        const range = all.slice(from + 1, Math.max(from, to) + 1);
        expect((await scan({ after, until, batchSize: 2 })).flat()).toEqual(range);
      }
    }
    expect((await scan({ until: { tenantId: 'b', provider: 'n' } })).flat()).toEqual(
      all.slice(0, 3),
    );
    expect(await scan({ keyId: 'none' })).toEqual([]);
    expect(names(await store.list('b'))).toEqual(['b/custom', 'b/twilio']);
  });
});

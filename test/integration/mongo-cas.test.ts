import { Keyring, MongoSecretStore, type SecretRecord, SecretsVault } from 'provider-vault';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { runScript } from '../support/run-script.ts';
import { write } from '../support/store-write.ts';
import vectors from '../vectors/pycryptodome.json' with { type: 'json' };

const { db } = await testDatabase();
const secrets = db.collection('secrets');
const store = new MongoSecretStore(db);
const key = newKey();
const keys = new Keyring({ encryptionKey: key, decryptionKeys: [vectors.keyB64] });
const vault = new SecretsVault({ store, keys });

beforeEach(async () => {
  await secrets.deleteMany({});
});

describe('compare-and-set', () => {
  it('lets one of many racing first writes win, with and without the index', async () => {
    for (const name of ['indexed', 'plain']) {
      const racing = new MongoSecretStore(db, { collection: name });
      if (name === 'indexed') await racing.init();
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, n) =>
          n % 2
            ? racing.put(write('a', 0).record, 0, n % 4 === 1 ? null : undefined)
            : racing.supersede(write('a', 0).record, 0, 5),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      expect(await db.collection(name).countDocuments()).toBe(1);
    }
  });

  it('sees what the revision does not show: a write of the old system, a record made anew', async () => {
    await secrets.insertOne({ tenantId: 'a', provider: 'custom', data: 'old' });
    expect(await store.put(write('a', 0).record, 0, 'older')).toBe(false);
    expect(await store.put(write('a', 0).record, 0, null)).toBe(false);
    expect(await store.put(write('a', 0).record, 0, 'old')).toBe(true);
    expect(await store.put(write('a', 1).record, 1, 'old')).toBe(false);
    expect(await store.put(write('a', 1).record, 1)).toBe(true);
  });

  it('tells for each of many writes whether it was done', async () => {
    await store.putMany([write('a', 0), write('b', 0)]);
    const b = (await store.get({ tenantId: 'b', provider: 'custom' })) as SecretRecord;
    const writes = [
      write('a', 1), // done
      write('b', 5), // lost: another revision
      write('c', 0, null), // done
      write('a', 0, null), // lost: exists
      write('b', 1, b.data), // done
      write('b', 1, 'other'), // lost: another content
      write('d', 3), // lost: does not exist
    ];
    expect(await store.putMany(writes)).toEqual([true, false, true, false, true, false, false]);
    expect(await store.putMany([])).toEqual([]);
  });

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

  it('deletes at a revision, also one of the old system', async () => {
    await secrets.insertOne({ tenantId: 'a', provider: 'custom', data: 'old' });
    const ref = { tenantId: 'a', provider: 'custom' };
    expect(await store.delete(ref, 1)).toBe(false);
    expect(await store.delete(ref, 0)).toBe(true);
    expect(await store.delete(ref)).toBe(false);
  });
});

describe('scan and list', () => {
  it('go through the records only, in order, in batches, from anywhere', async () => {
    await secrets.insertMany(Array.from({ length: 30 }, (_, n) => ({ user_id: `${n}` })));
    await store.putMany(
      ['b', 'a', 'c'].flatMap((tenant) => [write(tenant, 0), write(tenant, 0, null, 'twilio')]),
    );
    const batches = [];
    for await (const batch of store.scan({ batchSize: 4 })) batches.push(batch);
    const names = (records: SecretRecord[]) => records.map((r) => `${r.tenantId}/${r.provider}`);
    expect(batches.map(names)).toEqual([
      ['a/custom', 'a/twilio', 'b/custom', 'b/twilio'],
      ['c/custom', 'c/twilio'],
    ]);
    const rest = [];
    const after = { tenantId: 'b', provider: 'custom' };
    for await (const batch of store.scan({ after })) rest.push(...names(batch));
    expect(rest).toEqual(['b/twilio', 'c/custom', 'c/twilio']);
    for await (const batch of store.scan({ keyId: 'none' })) expect(batch).toEqual([]);
    expect(names(await store.list('b'))).toEqual(['b/custom', 'b/twilio']);
  });
});

import { etag, Keyring, MongoSecretStore, SecretsVault, seal } from 'provider-vault';
import { beforeEach, describe, expect, it } from 'vitest';
import { bareOpen } from '../support/bare-reader.ts';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { newRecord, write } from '../support/store-write.ts';
import vectors from '../vectors/pycryptodome.json' with { type: 'json' };

const { client, db } = await testDatabase({ monitorCommands: true });
const secrets = db.collection('secrets');
const store = new MongoSecretStore(db);
const key = newKey();
const keys = new Keyring({ encryptionKey: key, decryptionKeys: [vectors.keyB64] });
const vault = new SecretsVault({ store, keys });

const commandNames = async (operate: () => Promise<unknown>) =>
  (await commandsOf(client, operate)).map(({ commandName }) => commandName);

beforeEach(async () => {
  await secrets.deleteMany({});
});

describe('round trips', () => {
  it('get is one command, getMany one for any number', async () => {
    const refs = Array.from({ length: 300 }, (_, n) => ({ tenantId: `t${n}`, provider: 'custom' }));
    await Promise.all(refs.map(({ tenantId }) => vault.put(tenantId, 'custom', { of: tenantId })));
    await vault.get('t1', 'custom'); // the store looks once how the collection was made
    expect(await commandNames(() => vault.get('t1', 'custom'))).toEqual(['find']);
    let found: { credentials?: unknown }[] = [];
    const commands = await commandNames(async () => {
      found = await vault.getMany([...refs, { tenantId: 't1', provider: 'twilio' }]);
    });
    expect(commands).toEqual(['find']);
    expect(found.filter(({ credentials }) => credentials)).toHaveLength(300);
  });

  it('put and patch are two, a first put is one if the caller says so', async () => {
    const put = (options = {}) => vault.put('a', 'custom', { f: '1' }, options);
    const two = ['find', 'update'];
    expect(await commandNames(() => put({ ifMatch: null }))).toEqual(['update']);
    expect(await commandNames(() => put())).toEqual(two);
    const { etag } = (await vault.require('a', 'custom')).meta;
    expect(await commandNames(() => put({ ifMatch: etag }))).toEqual(two);
    expect(await commandNames(() => vault.patch('a', 'custom', { g: '2' }))).toEqual(two);
    expect(await commandNames(() => vault.patch('b', 'custom', { g: '2' }))).toEqual(two);
  });

  it('putMany is one, also over documents of the old system that were read', async () => {
    const writes = Array.from({ length: 50 }, (_, n) => write(`t${n}`));
    // Without the index, a conditional upsert; with it, a plain insert.
    expect((await commandNames(() => store.putMany(writes))).at(-1)).toBe('update');
    await store.init();
    const more = Array.from({ length: 50 }, (_, n) => write(`u${n}`));
    await store.putMany(more.slice(0, 25)); // the store looks until the index is there
    expect(await commandNames(() => store.putMany(more.slice(25)))).toEqual(['insert']);
    expect(await commandNames(() => store.putMany(more))).toEqual(['insert', 'find']);
    expect(await commandNames(() => store.putMany(more))).toEqual(['insert', 'find']);
    await secrets.insertMany(
      [newRecord('old0'), newRecord('old1')].map((record) => ({ ...record })),
    );
    const old = [...(await store.list('old0')), ...(await store.list('old1'))];
    const again = old.map((record) => write(record.tenantId, etag(record)));
    expect(await commandNames(() => store.putMany(again))).toEqual(['update']);
    const [first] = again;
    expect(
      await commandNames(() => store.put(newRecord('old0'), etag(first?.record ?? {}))),
    ).toEqual(['update']);
  });

  it('a scan is one per batch', async () => {
    await store.putMany(Array.from({ length: 50 }, (_, n) => write(`t${n}`)));
    const scan = async () => {
      for await (const batch of store.scan({ batchSize: 25 })) expect(batch).toHaveLength(25);
    };
    expect((await commandNames(scan)).slice(0, 2)).toEqual(['find', 'getMore']);
  });
});

describe('what the database holds', () => {
  it('is the record [R], with nothing in the clear', async () => {
    await vault.put('acme/1', 'custom', { token: 'in the clear' }, { actor: 'ann' });
    const document = await secrets.findOne({});
    expect(document).toEqual({
      _id: 'acme%2F1/custom',
      tenantId: 'acme/1',
      provider: 'custom',
      data: expect.any(String),
      metadata: {
        rev: 1,
        keyId: keys.encryptionKeyId,
        createdAt: expect.any(Date),
        updatedAt: expect.any(Date),
        updatedBy: 'ann',
      },
    });
    expect(JSON.stringify(document)).not.toContain('in the clear');
    expect(bareOpen(document?.data, key)).toMatchObject({ token: 'in the clear' });
  });

  it('keeps the replaced versions, however it is written', async () => {
    const write = (f: string, options = {}) => vault.put('a', 'custom', { f }, options);
    const { etag } = await write('1', { actor: 'ann' });
    await write('2', { ifMatch: etag });
    await write('3', { actor: 'bob' });
    for (let rev = 3; rev < 8; rev++) await write(`${rev + 1}`);
    const document = await secrets.findOne({});
    expect(document?.metadata).toMatchObject({ rev: 8 });
    expect(document?.metadata).not.toHaveProperty('updatedBy');
    expect(document?.history.map(({ rev }: { rev: number }) => rev)).toEqual([7, 6, 5, 4, 3]);
    expect(document?.history[4]).toEqual({
      rev: 3,
      keyId: keys.encryptionKeyId,
      data: expect.any(String),
      updatedAt: expect.any(Date),
      updatedBy: 'bob',
    });
    expect(bareOpen(document?.history[4].data, key)).toMatchObject({ f: '3' });
  });

  it('leaves the history out of a read that does not need it', async () => {
    const ref = { tenantId: 'a', provider: 'custom' };
    const version = { rev: 1, data: newRecord('a').data };
    const record = newRecord('a', 'custom', { metadata: { rev: 2 }, history: [version] });
    await store.put(record, null);
    const { history: _, ...current } = record;
    const without = { history: false };
    expect(await store.get(ref, without)).toEqual(current);
    expect(await store.getMany([ref], without)).toEqual([current]);
    expect(await store.list('a', without)).toEqual([current]);
    expect(await store.get(ref)).toEqual(record);
  });

  it('keeps members it does not know [R7], however it is written', async () => {
    await secrets.insertOne({
      tenantId: 'a',
      provider: 'custom',
      data: seal('{"f":"0"}', key),
      note: 'mine',
      metadata: { origin: 'py' },
    });
    await vault.patch('a', 'custom', { g: '1' });
    const { etag: seen } = await vault.put('a', 'custom', { g: '2' });
    await vault.put('a', 'custom', { g: '3' }, { ifMatch: seen });
    const stored = (await store.get({ tenantId: 'a', provider: 'custom' })) ?? {};
    const record = newRecord('a', 'custom', { metadata: { rev: 4 }, history: [] });
    expect(await store.putMany([{ record, expected: etag(stored) }])).toEqual([true]);
    expect(await secrets.findOne({})).toMatchObject({
      note: 'mine',
      metadata: { origin: 'py', rev: 4 },
    });
    expect(await secrets.countDocuments()).toBe(1);
  });

  it('writes only what changed of a record that the writer names', async () => {
    await vault.put('a', 'custom', { f: '1' }, { actor: 'ann' });
    await vault.put('a', 'custom', { f: '2' }, { actor: 'ann' });
    await secrets.updateOne({}, { $set: { note: 'mine', 'metadata.origin': 'py' } });
    const ref = { tenantId: 'a', provider: 'custom' };
    const stored = await store.get(ref);
    if (stored === undefined) throw new Error('nothing is stored');
    const { updatedBy: _gone, ...metadata } = { ...stored.metadata, rev: 3, keyId: '0f0f0f0f' };
    const record = { ...stored, data: newRecord('a').data, metadata };
    const write = { record, expected: etag(stored), stored };
    const [update] = await commandsOf(client, async () => {
      expect(await store.putMany([write])).toEqual([true]);
    });
    expect(update?.command.updates[0].u).toEqual({
      $set: { data: record.data, 'metadata.rev': 3, 'metadata.keyId': '0f0f0f0f' },
      $unset: { 'metadata.updatedBy': '' },
    });
    expect(await store.get(ref)).toEqual(record);
    expect(await store.putMany([write])).toEqual([true]); // its own write, recognised
    const other = {
      record: { ...stored, data: newRecord('a').data },
      expected: etag(stored),
      stored,
    };
    expect(await store.putMany([other])).toEqual([false]);
    // Whatever has no etag may have changed since it was read: everything is written.
    const odd = { ...record, data: 'short' };
    await secrets.updateOne({}, { $set: { data: 'short' } });
    const [whole] = await commandsOf(client, async () => {
      await store.putMany([{ record, expected: '', stored: odd }]);
    });
    expect(Object.keys(whole?.command.updates[0].u.$set)).toContain('metadata.createdAt');
  });

  it.each([undefined, null, 'text', [1], { origin: 'py' }])(
    'rewrites a record of the old system [L3] with metadata %j',
    async (metadata) => {
      const old = vectors.open[0] as (typeof vectors.open)[0];
      for (const put of [
        () => vault.patch('default', 'custom', { extra: '1' }),
        () => vault.put('default', 'custom', { extra: '1' }, { ifMatch: etag(old) }),
        () => vault.put('default', 'custom', { extra: '1' }),
      ]) {
        await secrets.deleteMany({});
        const document = { tenantId: 'default', provider: 'custom', data: old.data };
        await secrets.insertOne(metadata === undefined ? document : { ...document, metadata });
        expect(await put()).toMatchObject({ rev: 1 });
        expect((await vault.require('default', 'custom')).extra).toBe('1');
        expect(await secrets.countDocuments()).toBe(1);
        expect((await secrets.findOne({}))?.history[0]).toEqual({ rev: 0, data: old.data });
      }
    },
  );
});

describe('sources and failures', () => {
  it('takes a database, a collection, a promise or a function, and connects to nothing itself', async () => {
    await vault.put('a', 'custom', { f: '1' });
    const ref = { tenantId: 'a', provider: 'custom' };
    let asked = 0;
    const failsFirst = async () => {
      if (asked++ === 0) throw new Error('not yet');
      return db;
    };
    for (const source of [db, secrets, Promise.resolve(db), () => secrets, async () => db]) {
      expect(await new MongoSecretStore(source).get(ref)).toMatchObject(ref);
    }
    const late = new MongoSecretStore(failsFirst);
    await expect(late.get(ref)).rejects.toMatchObject({ code: 'ERR_STORE_FAILED' });
    expect(await late.get(ref)).toMatchObject(ref);
    expect(() => new MongoSecretStore(undefined as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
  });

  it('says ERR_STORE_FAILED without the document when the server refuses it', async ({ skip }) => {
    const collection = await db.createCollection('strict', {
      validator: { $jsonSchema: { required: ['never there'] } },
    });
    const { validator } = await collection.options();
    skip(validator === undefined, 'the server drops the validator of a collection'); // FerretDB
    const strict = new SecretsVault({
      store: new MongoSecretStore(db, { collection: 'strict' }),
      keys,
    });
    const error = await strict.put('a', 'custom', { f: 'v' }).catch((e: Error) => e);
    expect(error).toMatchObject({ code: 'ERR_STORE_FAILED' });
    expect(error).toMatchObject({ message: expect.stringContaining('121') });
  });
});

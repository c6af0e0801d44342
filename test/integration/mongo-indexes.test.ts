import type { Document } from 'mongodb';
import { MongoAuditSink, MongoSecretStore } from 'provider-vault';
import { beforeEach, describe, expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';

const { db } = await testDatabase();
const secrets = db.collection('secrets');
const store = new MongoSecretStore(db);
const KEYS = { tenantId: 1, provider: 1 } as const;
const RECORDS = { tenantId: { $gt: '' }, provider: { $gt: '' } };
const kinds = async () => (await store.check()).map(({ kind }) => kind);

beforeEach(async () => {
  await secrets.drop();
});

describe('init of MongoSecretStore', () => {
  it('builds its index over documents of a half-done migration [L2], in 20 processes at once', async () => {
    await secrets.insertMany(
      Array.from({ length: 3000 }, (_, n) => ({ user_id: `u${n}`, twilio_account_sid: 'x' })),
    );
    expect(await kinds()).toEqual(['no-index']);
    await Promise.all(Array.from({ length: 20 }, () => new MongoSecretStore(db).init()));
    await store.init();
    expect(await secrets.indexes()).toHaveLength(3);
    expect(await store.check()).toEqual([]);
    const ref = { tenantId: 'a', provider: 'twilio' };
    await secrets.insertOne({ ...ref });
    await expect(secrets.insertOne({ ...ref })).rejects.toMatchObject({ code: 11000 });
  });

  it('makes the collection where there is none', async () => {
    expect(await kinds()).toEqual(['no-index']);
    await store.init();
    expect(await secrets.indexes()).toHaveLength(3);
  });

  it.each<[string, Document]>([
    ['the same index', { partialFilterExpression: RECORDS }],
    ['an index over all documents', {}],
  ])('accepts %s under another name', async (_name, options) => {
    await secrets.createIndex(KEYS, { name: 'mine', unique: true, ...options });
    await store.init();
    expect(await store.check()).toEqual([]);
    expect(await secrets.indexes()).toHaveLength(3);
  });

  it.for<[string, Document]>([
    ['is not unique', { partialFilterExpression: RECORDS }],
    ['leaves out records', { unique: true, partialFilterExpression: { provider: 'twilio' } }],
    ['is sparse', { unique: true, sparse: true }],
    ['is hidden', { unique: true, hidden: true, partialFilterExpression: RECORDS }],
    ['has the collation "en"', { unique: true, collation: { locale: 'en', strength: 2 } }],
  ])('refuses an index that %s, and says what to do', async ([fault, options], { skip }) => {
    await secrets
      .createIndex(KEYS, { name: 'mine', ...options })
      .catch(() => skip('The server has no such indexes.'));
    const problem = `index "mine" of collection "secrets" ${fault}`;
    await expect(store.init()).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
      message: expect.stringMatching(
        new RegExp(`${problem}.*db.getCollection\\("secrets"\\).dropIndex\\("mine"\\)`),
      ),
    });
    expect(await kinds()).toEqual(['index']);
    await secrets.dropIndex('mine');
    await store.init();
    expect(await store.check()).toEqual([]);
  });

  it('refuses an index of its name on other fields', async () => {
    await secrets.createIndex({ user_id: 1 }, { name: 'provider_vault_ref' });
    await expect(store.init()).rejects.toMatchObject({
      message: expect.stringContaining('"provider_vault_ref" of collection "secrets" is on other'),
    });
  });

  it('names the documents that hold the record of one tenant twice [L3]', async () => {
    const twilio = { tenantId: 'default', provider: 'twilio' };
    const { insertedIds } = await secrets.insertMany([
      { ...twilio, data: 'sealed 1' },
      { ...twilio, data: 'sealed 2' },
      { _id: 'text' as never, tenantId: 'a', provider: 'custom' },
      { _id: 7 as never, tenantId: 'a', provider: 'custom' },
      { tenantId: 'b', provider: 'custom' },
      { tenantId: 1, provider: 'custom' },
      { tenantId: 1, provider: 'custom' },
    ]);
    const error = await store.init().catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: 'ERR_STORE_FAILED' });
    const { message } = error as Error;
    for (const part of [
      'tenant "default" for provider "twilio"',
      `"${insertedIds[0]}", "${insertedIds[1]}"`,
      'tenant "a" for provider "custom", with the _ids "text", 7',
      'Keep the right one',
    ]) {
      expect(message).toContain(part);
    }
    expect(message).not.toMatch(/tenant "b"|sealed/);
    expect((await kinds()).sort()).toEqual(['duplicates', 'duplicates', 'no-index']);
    await secrets.deleteMany({ _id: { $in: [insertedIds[0] as never, 7 as never] } });
    await store.init();
    expect(await store.check()).toEqual([]);
  });
});

describe('init of MongoAuditSink', () => {
  it('accepts its indexes under other names', async () => {
    const trail = db.collection('secrets_audit');
    await trail.createIndex({ tenantId: 1, at: 1 }, { name: 'mine' });
    await trail.createIndex({ at: 1 }, { name: 'my_ttl', expireAfterSeconds: 60 });
    await new MongoAuditSink(db, { expireAfterSeconds: 60 }).init();
    expect(await trail.indexes()).toHaveLength(3);
  });
});

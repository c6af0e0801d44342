import { type Collection, MongoClient, type MongoClientOptions, ObjectId } from 'mongodb';
import { migrateFromSettings } from 'provider-vault';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { caseInsensitiveCollection, knowsCollation } from '../support/collation.ts';
import { testDatabase } from '../support/database.ts';
import { accountSid, authToken, memoryVault } from '../support/fixtures.ts';

const { db } = await testDatabase();
const plaintext = (user_id: unknown, n = 1) => ({
  user_id,
  twilio_account_sid: accountSid(n),
  twilio_auth_token: authToken(n),
});

describe.each<[string, MongoClientOptions]>([
  ['w: 0', { writeConcern: { w: 0 } }],
  ['readPreference', { readPreference: 'secondaryPreferred' }],
  ['promoteValues', { promoteValues: false }],
  ['raw', { raw: true }],
])('a connection with %s of its own', (name, options) => {
  const client = new MongoClient(inject('mongoUri'), options);
  afterAll(() => client.close());

  it('does not change what is migrated and erased', async () => {
    const { vault } = memoryVault();
    await db.collection(name).insertOne(plaintext('acme'));
    const settings = client.db(db.databaseName).collection(name);
    const report = await migrateFromSettings(vault, { settings, erase: true });
    expect(report).toMatchObject({ migrated: 2, plaintextRemaining: 0, failedCount: 0 });
    expect((await vault.require('acme', 'twilio')).authToken).toBe(authToken(1));
    const left = await db.collection(name).findOne({});
    expect(Object.keys(left ?? {})).toEqual(['_id', 'user_id']);
  });
});

describe.runIf(await knowsCollation(db))('settings that ignore case', () => {
  it('are told apart by tenant, and erased only as they were read', async () => {
    const settings = await caseInsensitiveCollection(db, 'ignores_case');
    await settings.insertMany([plaintext('acme', 1), plaintext('ACME', 2)]);
    const { vault } = memoryVault();
    const exactly = { collation: { locale: 'simple' } };
    const changed = authToken(2).toUpperCase();
    // The token changes in nothing but its case between the read and the erasure.
    const source = new Proxy(settings, {
      get(target, member) {
        const value = Reflect.get(target, member) as unknown;
        if (member !== 'bulkWrite') return value;
        return async (...args: Parameters<Collection['bulkWrite']>) => {
          const update = { $set: { twilio_auth_token: changed } };
          await db.collection('ignores_case').updateOne({ user_id: 'ACME' }, update, exactly);
          return target.bulkWrite(...args);
        };
      },
    });
    const tenantIds = ['ACME'];
    await migrateFromSettings(vault, { settings: source as never, tenantIds, erase: true });
    expect(await vault.get('acme', 'twilio')).toBe(undefined);
    expect((await vault.require('ACME', 'twilio')).accountSid).toBe(accountSid(2));
    const left = await db.collection('ignores_case').findOne({ user_id: 'ACME' }, exactly);
    expect(left).toMatchObject({ twilio_auth_token: changed });
    expect(left).not.toHaveProperty('twilio_account_sid');
  });
});

it('asks for an ObjectId by the class of the stored ones, not of another driver', async () => {
  class OtherObjectId extends ObjectId {}
  const id = new ObjectId().toHexString();
  const collection = db.collection('other_driver');
  await collection.insertOne(plaintext(new ObjectId(id)));
  const asked: unknown[] = [];
  const settings = new Proxy(collection, {
    get(target, member) {
      if (member === 'findOne') return async () => ({ user_id: new OtherObjectId() });
      const value = Reflect.get(target, member) as unknown;
      if (member !== 'find') return typeof value === 'function' ? value.bind(target) : value;
      return (...args: Parameters<Collection['find']>) => {
        asked.push(...findObjectIds(args[0]));
        return target.find(...args);
      };
    },
  });
  const { vault } = memoryVault();
  await migrateFromSettings(vault, { settings: settings as never, tenantIds: [id] });
  expect(asked.map((one) => (one as object).constructor)).toContain(OtherObjectId);
  expect((await vault.require(id, 'twilio')).accountSid).toBe(accountSid(1));
});

function findObjectIds(value: unknown): unknown[] {
  if (value instanceof ObjectId) return [value];
  return typeof value === 'object' && value !== null
    ? Object.values(value).flatMap(findObjectIds)
    : [];
}

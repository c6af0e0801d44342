import { MongoClient, ObjectId } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { beforeEach, describe, expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { expectedOf, fillOldDatabase } from '../support/old-database.ts';

const { db } = await testDatabase();
const [settings, secrets] = [db.collection('settings'), db.collection('secrets')];
const key = newKey();
const keys = new Keyring({ encryptionKey: key });
const store = new MongoSecretStore(db);
await store.init();

beforeEach(async () => {
  await Promise.all([settings.deleteMany({}), secrets.deleteMany({})]);
});

describe('a vault over an old database', () => {
  it('has every tenant, in whatever state it was left', async () => {
    const names = await fillOldDatabase(db, 8, key);
    // Two processes at the same time.
    const vaults = [0, 1].map(
      () => new SecretsVault({ store, keys, settings: { settings, secrets } }),
    );
    for (const vault of vaults) {
      await Promise.all(
        names.map(async (tenant, n) => {
          const { sendgrid, smtp, twilio } = expectedOf(n);
          expect((await vault.require(tenant, 'sendgrid')).reveal()).toEqual(sendgrid);
          expect((await vault.require(tenant, 'smtp')).reveal()).toEqual(smtp);
          expect((await vault.require(tenant, 'twilio')).reveal()).toEqual(twilio);
        }),
      );
    }
    const record = await store.get({ tenantId: 'user-0', provider: 'twilio' });
    expect(record?.metadata?.rev).toBe(1);
    expect(await settings.countDocuments({ sendgrid_api_key: { $type: 'string' } })).toBe(8);
  });

  it.each([
    ['the collection', settings],
    ['its database', db],
    ['a promise', Promise.resolve(db)],
    ['a function', () => settings],
  ])('takes %s', async (_name, source) => {
    const id = new ObjectId();
    await settings.insertMany([
      { user_id: id, openai_api_key: 'a' },
      { user_id: 12, openai_api_key: 'b' },
    ]);
    const vault = new SecretsVault({ store, keys, settings: source });
    expect((await vault.require(String(id), 'openai')).apiKey).toBe('a');
    expect((await vault.require('12', 'openai')).apiKey).toBe('b');
  });

  it('fails closed while the settings cannot be reached', async () => {
    const away = new MongoClient('mongodb://127.0.0.1:1', { serverSelectionTimeoutMS: 50 });
    const vault = new SecretsVault({ store, keys, settings: away.db('crm') });
    await expect(vault.get('acme', 'twilio')).rejects.toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
    await away.close();
    expect(await secrets.countDocuments()).toBe(0);
  });
});

import { type Db, ObjectId } from 'mongodb';
import { Keyring, MongoSecretStore, migrateFromSettings, SecretsVault, seal } from 'provider-vault';
import { beforeEach, describe, expect, it } from 'vitest';
import { queriesOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { authToken, newKey } from '../support/fixtures.ts';
import { plaintextIn } from '../support/old-database.ts';

const { db } = await testDatabase();
const key = newKey();
const keys = new Keyring({ encryptionKey: key });

function collections(of: Db = db) {
  const [settings, secrets] = [of.collection('settings'), of.collection('secrets')];
  const vault = new SecretsVault({ store: new MongoSecretStore(of), keys });
  return { settings, secrets, vault, sources: { settings, secrets } };
}
const { settings, secrets, vault, sources } = collections();

beforeEach(async () => {
  await Promise.all([settings.deleteMany({}), secrets.drop()]);
});

describe('a document among the records that is neither record nor plaintext', () => {
  const token = (n: number) => ({ twilio_auth_token: authToken(n) });

  it('is counted and named by its _id, and nothing in it is touched', async () => {
    const documents = {
      'not a record: its tenantId is an ObjectId': {
        tenantId: new ObjectId(),
        provider: 'twilio',
        ...token(1),
      },
      'not a record: its tenantId is a number': { tenantId: 7, provider: 'twilio', ...token(2) },
      'not a record: its provider is missing': { tenantId: 'a', user_id: 'a', ...token(3) },
      'not a record: its tenantId is missing': { provider: 'twilio', user_id: 'b', ...token(4) },
      'not a record: its tenantId is empty': { tenantId: '', provider: 'twilio', ...token(6) },
      'not a record: its tenantId is missing and its provider is missing': {
        data: seal('{}', key),
      },
      'not a record: its provider is an object': { tenantId: 'a', provider: {}, data: 'x' },
      'plaintext beside a sealed record': {
        tenantId: 'c',
        provider: 'twilio',
        data: seal('{"accountSid":"x"}', key),
        ...token(7),
      },
    };
    const entries = Object.entries(documents);
    await secrets.insertMany(entries.map(([, document], n) => ({ _id: n, ...document }) as never));
    await secrets.insertMany([
      { user_id: 'good', ...token(8) },
      { tenantId: 'd', provider: 'twilio', data: seal('{}', key), twilio_auth_token: ' ' },
      { anything: 'else' },
    ]);
    const before = await secrets.find({ _id: { $lt: 99 as never } }).toArray();

    const options = { ...sources, erase: true };
    const predicted = await migrateFromSettings(vault, { ...options, dryRun: true });
    const report = await migrateFromSettings(vault, options);
    expect(report).toEqual(predicted);
    expect(report.failed.map(({ source, reason }) => [source, reason])).toEqual(
      entries.map(([reason], n) => [`secrets/${n}`, reason]),
    );
    expect(report).toMatchObject({
      migrated: 1,
      erased: 1,
      failedCount: entries.length,
      plaintextRemaining: 6,
    });
    expect(await secrets.find({ _id: { $lt: 99 as never } }).toArray()).toEqual(before);
    expect(await plaintextIn(db)).toHaveLength(7); // one of them is a blank
  });

  it('is named, too, where two records share one address', async () => {
    const record = { tenantId: 'a', provider: 'twilio', data: seal('{"accountSid":"x"}', key) };
    await secrets.insertMany([{ ...record }, { ...record }]);
    await settings.insertOne({ user_id: 'a', twilio_auth_token: authToken(1), api_key: 'k' });
    const report = await migrateFromSettings(vault, { ...sources, erase: true });
    expect(report).toMatchObject({ migrated: 1, erased: 1, failedCount: 3, plaintextRemaining: 1 });
    const ids = (await secrets.find({ provider: 'twilio' }).toArray()).map(({ _id }) => _id);
    expect(report.failed.slice(1).map(({ source }) => source)).toEqual(
      ids.map((id) => `secrets/${id}`),
    );
    expect(report.failed[0]).toMatchObject({
      field: 'authToken',
      reason: 'several documents hold this record',
    });
    expect(report.failed[2]?.reason).toContain('one of 2 records of tenant "a"');
  });
});

describe('migrateFromSettings', () => {
  it('asks the server for the tenants and fields that it needs only', async () => {
    await settings.insertMany(
      ['a', 'b', 'c'].map((user_id) => ({ user_id, api_key: 'k', other: 1 })),
    );
    const [query] = await queriesOf(db, 'settings', async (database) => {
      const { vault: monitored } = collections(database);
      const mapping = { api_key: 'custom.api_key' };
      const options = { settings: database, tenantIds: ['a', 'c'], mapping };
      expect(await migrateFromSettings(monitored, options)).toMatchObject({ migrated: 2 });
    });
    expect(query).toMatchObject({
      filter: { $and: [{ user_id: { $in: ['a', 'c'] } }] },
      projection: { user_id: 1, api_key: 1 },
    });
  });

  it('reads all members of a document for tenantOf', async () => {
    await settings.insertOne({ org: { id: 'a' }, api_key: 'k' });
    const options = { settings: db, tenantOf: ({ org }: { org?: { id: string } }) => org?.id };
    expect(await migrateFromSettings(vault, options)).toMatchObject({ migrated: 1 });
    expect((await vault.require('a', 'custom')).reveal()).toEqual({ api_key: 'k' });
  });

  it('takes settings for settings, also with members that a record has', async () => {
    await settings.insertOne({ user_id: 'a', provider: 'smtp', data: 'x', api_key: 'k' });
    await secrets.insertOne({ user_id: 'a', openai_api_key: 'o' });
    const report = await migrateFromSettings(vault, { settings: db, secrets: db });
    expect(report).toMatchObject({ scanned: 2, migrated: 2, failedCount: 0 });
  });
});

import { type Db, MongoClient, ObjectId } from 'mongodb';
import { Keyring, MongoSecretStore, migrateFromSettings, SecretsVault, seal } from 'provider-vault';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { authToken, newKey } from '../support/fixtures.ts';
import { fillOldDatabase, plaintextIn } from '../support/old-database.ts';

const { db } = await testDatabase();
const key = newKey();
const keys = new Keyring({ encryptionKey: key });

function collections(of: Db = db) {
  const [settings, secrets] = [of.collection('settings'), of.collection('secrets')];
  const vault = new SecretsVault({ store: new MongoSecretStore(of), keys });
  return { settings, secrets, vault, sources: { settings, secrets } };
}
const { settings, secrets, vault, sources } = collections();

/** The commands that `use` sends to the server, by name. */
async function commandsOf(use: (db: Db) => Promise<unknown>): Promise<Record<string, number>> {
  const client = await MongoClient.connect(inject('mongoUri'), { monitorCommands: true });
  const counts: Record<string, number> = {};
  client.on('commandStarted', ({ commandName, command }) => {
    const name = `${commandName} ${command[commandName] ?? ''}`;
    counts[name] = (counts[name] ?? 0) + 1;
  });
  await use(client.db(db.databaseName)).finally(() => client.close());
  return counts;
}

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
    expect(report.failed[2]?.reason).toContain('one of 2 records of tenant "a"');
  });
});

describe('migrateFromSettings', () => {
  it('reads the records a few times only in a dry run, before there is an index', async () => {
    await fillOldDatabase(db, 500, key);
    const counts = await commandsOf(async (database) => {
      const { vault: monitored, sources: from } = collections(database);
      await migrateFromSettings(monitored, { ...from, dryRun: true });
    });
    expect(counts['find secrets']).toBeLessThan(10);
  });

  it('resumes after ids of any type', async () => {
    const ids = [
      ...Array(10).keys(),
      ...'abcdefghij',
      ...Array.from({ length: 10 }, () => new ObjectId()),
    ];
    await settings.insertMany(
      ids.map((_id, n) => ({ _id, user_id: `u${n}`, openai_api_key: 'k' }) as never),
    );
    for (const stop of [5, 15, 25]) {
      await secrets.deleteMany({});
      const controller = new AbortController();
      const stopped = await migrateFromSettings(vault, {
        ...sources,
        batchSize: 5,
        concurrency: 1,
        signal: controller.signal,
        onProgress: ({ done }) => done === stop && controller.abort(),
      }).catch((error) => error);
      expect(stopped.report).toMatchObject({ migrated: stop });
      const rest = await migrateFromSettings(vault, { ...sources, after: stopped.after });
      expect(rest.migrated).toBe(30 - stop);
    }
  });
});

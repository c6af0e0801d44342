import { inspect } from 'node:util';
import { ObjectId } from 'mongodb';
import {
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  type SecretRecord,
  SecretsVault,
  seal,
} from 'provider-vault';
import { beforeEach, describe, expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { accountSid, apiKeySid, authToken, newKey } from '../support/fixtures.ts';
import {
  expectedOf,
  expectMigrated,
  fillOldDatabase,
  plaintextIn,
} from '../support/old-database.ts';

const { db } = await testDatabase();
const [settings, secrets] = [db.collection('settings'), db.collection('secrets')];
const store = new MongoSecretStore(db);
const key = newKey();
const keys = new Keyring({ encryptionKey: key });
const vault = new SecretsVault({ store, keys });
const sources = { settings, secrets };
await store.init();

beforeEach(async () => {
  await Promise.all([settings.deleteMany({}), secrets.deleteMany({})]);
});

const expectAll = (count: number) => expectMigrated(vault, count);

describe('migrateFromSettings', () => {
  it('erases what it has read back, and only that', async () => {
    await fillOldDatabase(db, 40, key);
    const options = { ...sources, erase: true };
    const predicted = await migrateFromSettings(vault, { ...options, dryRun: true });
    const report = await migrateFromSettings(vault, options);
    expect(report).toEqual(predicted);
    expect(report).toMatchObject({ erased: 400, plaintextRemaining: 0 });
    expect(await plaintextIn(db)).toEqual([]);
    expect(await settings.countDocuments({ theme: 'dark' })).toBe(40);
    await expectAll(40);
    expect(await migrateFromSettings(vault, options)).toMatchObject({
      migrated: 0,
      unchanged: 0,
      erased: 0,
      plaintextRemaining: 0,
    });
  });

  it('leaves alone what the vault has otherwise, and reports it without values', async () => {
    await vault.put('u', 'twilio', { accountSid: accountSid(1), authToken: 'from-the-vault' });
    await settings.insertMany([
      { user_id: 'u', twilio_account_sid: accountSid(1), twilio_auth_token: 'from-settings' },
      { user_id: 'u', sendgrid_api_key: 'SG.first.one' },
      { user_id: 'u', sendgrid_api_key: 'SG.second.one' },
    ]);
    const options = { ...sources, erase: true };
    const predicted = await migrateFromSettings(vault, { ...options, dryRun: true });
    const report = await migrateFromSettings(vault, options);
    expect(report).toEqual(predicted);
    expect(report).toMatchObject({
      migrated: 1,
      unchanged: 1,
      erased: 2,
      conflictCount: 2,
      plaintextRemaining: 2,
    });
    expect(report.conflicts).toEqual([
      {
        tenantId: 'u',
        provider: 'twilio',
        field: 'authToken',
        source: expect.stringMatching(/^settings\/[0-9a-f]{24}$/),
        reason: expect.any(String),
      },
      expect.objectContaining({ provider: 'sendgrid', field: 'apiKey' }),
    ]);
    expect(inspect(report, { depth: 9 })).not.toMatch(/from-the-vault|from-settings|SG\./);
    expect((await vault.require('u', 'twilio')).authToken).toBe('from-the-vault');
    expect((await vault.require('u', 'sendgrid')).apiKey).toBe('SG.first.one');
    expect(await plaintextIn(db)).toEqual([
      'settings.twilio_auth_token',
      'settings.sendgrid_api_key',
    ]);
  });

  it('migrates values of the wrong form as they are, with a warning', async () => {
    await settings.insertOne({ user_id: 'u', twilio_account_sid: apiKeySid(3) });
    const report = await migrateFromSettings(vault, sources);
    expect(report).toMatchObject({ migrated: 1, warningCount: 1, failedCount: 0 });
    expect(report.warnings[0]).toMatchObject({ tenantId: 'u', field: 'accountSid' });
    expect((await vault.require('u', 'twilio')).accountSid).toBe(apiKeySid(3));
  });

  it('reports what it cannot place, and writes nothing of it', async () => {
    await settings.insertMany([
      { twilio_auth_token: authToken(1) }, // of nobody
      { user_id: { $ne: null }, twilio_auth_token: authToken(1) } as never,
      { user_id: '__proto__', twilio_auth_token: authToken(1) },
      { user_id: 'u', twilio_auth_token: { nested: 'x' }, sendgrid_api_key: ['x'] },
      { user_id: 'v', theme: 'dark' },
    ]);
    await secrets.insertOne({ tenantId: 'w', provider: 'twilio', data: seal('{}', newKey()) });
    await settings.insertOne({ user_id: 'w', twilio_auth_token: authToken(1) });
    const report = await migrateFromSettings(vault, { ...sources, erase: true });
    expect(report).toMatchObject({ migrated: 0, erased: 0, failedCount: 6, plaintextRemaining: 6 });
    expect(report.failed.map(({ reason }) => reason)).toContain('ERR_DECRYPTION_FAILED');
    expect(await secrets.countDocuments()).toBe(1);
  });

  it('takes ids of any type, a tenant of its own, a mapping of its own, and only some tenants', async () => {
    await settings.insertMany([
      { user_id: 7, openai_api_key: 'a' },
      { user_id: new ObjectId(), openai_api_key: 'b' },
      { user_id: 'x', org: { id: 'org-1' }, stripe: 'c', openai_api_key: 'd' },
    ]);
    const seven = await migrateFromSettings(vault, { settings, tenantIds: ['7'] });
    expect(seven).toMatchObject({ scanned: 1, migrated: 1 });
    const id = String((await settings.findOne({ openai_api_key: 'b' }))?.user_id);
    expect(await migrateFromSettings(vault, { settings, tenantIds: [id] })).toMatchObject({
      scanned: 1,
      migrated: 1,
    });
    await migrateFromSettings(vault, {
      settings,
      mapping: { stripe: 'stripe.secretKey', openai_api_key: { provider: 'ai', field: 'key' } },
      tenantOf: (document) => (document.org as { id?: string } | undefined)?.id,
      tenantIds: ['org-1'],
    });
    expect((await vault.require('org-1', 'stripe')).reveal()).toEqual({ secretKey: 'c' });
    expect((await vault.require('org-1', 'ai')).reveal()).toEqual({ key: 'd' });
    for (const mapping of [{ a: 'nodot' }, { a: 'x.$bind' }, { $a: 'x.y' }, 'text']) {
      await expect(
        migrateFromSettings(vault, { settings, mapping: mapping as never }),
      ).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
  });

  it('does not erase what changed since it was read', async () => {
    await settings.insertOne({
      user_id: 'u',
      twilio_auth_token: 'old',
      sendgrid_api_key: 'SG.a.b',
    });
    const changing = Object.assign(new MongoSecretStore(db), {
      putMany: async (writes: Parameters<typeof store.putMany>[0]) => {
        await settings.updateOne({ user_id: 'u' }, { $set: { twilio_auth_token: 'new' } });
        return store.putMany(writes);
      },
    });
    const other = new SecretsVault({ store: changing, keys });
    const report = await migrateFromSettings(other, { settings, erase: true });
    expect(report).toMatchObject({ migrated: 2, erased: 1, plaintextRemaining: 1 });
    expect(await settings.findOne({ user_id: 'u' })).toMatchObject({ twilio_auth_token: 'new' });
  });

  it('loses nothing of live traffic', async () => {
    const names = await fillOldDatabase(db, 300, key);
    let stop = false;
    const traffic = (async () => {
      let n = 0;
      while (!stop) {
        const tenant = names[n++ % names.length] as string;
        await vault.patch(tenant, 'twilio', { region: 'ie1' });
        await vault.get(tenant, 'sendgrid');
      }
      return Math.min(n, names.length);
    })();
    await migrateFromSettings(vault, { ...sources, erase: true, batchSize: 10 });
    stop = true;
    const patched = await traffic;
    for (const [n, tenant] of names.entries()) {
      const found = (await vault.require(tenant, 'twilio')).reveal();
      expect(found).toMatchObject(expectedOf(n).twilio as object);
      if (n < patched) expect(found.region).toBe('ie1');
    }
    expect(await plaintextIn(db)).toEqual([]);
  });

  it('stops when told to, and reports progress', async () => {
    await fillOldDatabase(db, 50, key);
    const controller = new AbortController();
    const progress: object[] = [];
    const stopped = migrateFromSettings(vault, {
      settings,
      batchSize: 10,
      concurrency: 1,
      signal: controller.signal,
      onProgress: (step) => {
        progress.push(step);
        if (step.done >= 20) controller.abort();
      },
    });
    await expect(stopped).rejects.toThrow('aborted');
    expect(progress).toEqual([
      { done: 10, total: 63, rate: expect.any(Number) },
      { done: 20, total: 63, rate: expect.any(Number) },
    ]);
    await migrateFromSettings(vault, sources);
    await expectAll(50);
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

  it('reads from any source', async () => {
    const values: Record<string, unknown> = { user_id: 'u', openai_api_key: 'k1' };
    const report = await migrateFromSettings(vault, {
      settings: {
        name: 'rows',
        async *scan() {
          yield [{ id: 1, values }];
        },
        erase: async (erasures) =>
          erasures.map(({ fields }) => {
            for (const field of Object.keys(fields)) delete values[field];
            return Object.keys(fields);
          }),
      },
      erase: true,
    });
    expect(report).toMatchObject({ migrated: 1, erased: 1, plaintextRemaining: 0 });
    expect(values).toEqual({ user_id: 'u' });
    const record = (await store.get({ tenantId: 'u', provider: 'openai' })) as SecretRecord;
    expect(record.metadata?.rev).toBe(1);
  });
});

import { ObjectId } from 'mongodb';
import { Keyring, migrateFromSettings, SecretsVault, seal } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { accountSid, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { settingsRows } from '../../support/settings-rows.ts';
import { countingStore } from '../../support/spy-store.ts';

/** Migrates and erases; a dry run must have predicted the report. */
async function migrate(
  rows: Record<string, unknown>[],
  { vault = memoryVault().vault, batchSize = 100 } = {},
) {
  const settings = settingsRows(...rows.map((row) => ({ ...row })));
  const options = { settings, batchSize, erase: true };
  const predicted = await migrateFromSettings(vault, { ...options, dryRun: true });
  const report = await migrateFromSettings(vault, options);
  expect(report).toEqual(predicted);
  return { report, rows: settings.rows, vault };
}

describe('a value in old settings', () => {
  it('that is a boolean or a number never becomes the text of one', async () => {
    const row = {
      user_id: 'a',
      twilio_auth_token: false,
      twilio_api_secret: true,
      sendgrid_api_key: 0,
      openai_api_key: Number.NaN,
      gemini_api_key: 12345,
      api_key: 1.5,
      smtp_port: 587,
      smtp_hostname: 25,
    };
    const { report, rows, vault } = await migrate([row]);
    expect(report).toMatchObject({
      migrated: 1,
      erased: 1,
      failedCount: 6,
      plaintextRemaining: 6,
    });
    expect(Object.fromEntries(report.failed.map(({ field, reason }) => [field, reason]))).toEqual({
      hostname: 'the value is a number, not a text',
      apiKey: 'the value is a number, not a text',
      apiSecret: 'the value is a boolean, not a text',
      api_key: 'the value is a number, not a text',
    });
    const { smtp_port: _erased, ...left } = row;
    expect(rows).toEqual([left]);
    expect((await vault.list('a')).map(({ provider }) => provider)).toEqual(['smtp']);
    expect((await vault.require('a', 'smtp')).reveal()).toEqual({ port: '587' });
  });

  it.each(['••••••••wxyz', '[redacted]', ' •••••••• ', `${authToken(1)}••••••••`])(
    'that is the mask %j is not a credential',
    async (mask) => {
      const row = { user_id: 'a', twilio_account_sid: accountSid(1), twilio_auth_token: mask };
      const { report, rows, vault } = await migrate([row]);
      expect(report).toMatchObject({ migrated: 1, failedCount: 1, plaintextRemaining: 1 });
      expect(report.failed).toEqual([
        {
          tenantId: 'a',
          provider: 'twilio',
          field: 'authToken',
          source: 'rows/0',
          reason: 'the value is a mask, not a credential',
        },
      ]);
      expect(JSON.stringify(report)).not.toContain('•');
      expect(rows).toEqual([{ user_id: 'a', twilio_auth_token: mask }]);
      expect((await vault.require('a', 'twilio')).reveal()).toEqual({ accountSid: accountSid(1) });

      const atFirstUse = memoryVault({ settings: settingsRows(row) }).vault;
      expect((await atFirstUse.require('a', 'twilio')).reveal()).toEqual({
        accountSid: accountSid(1),
      });
    },
  );

  it('that is absent, null or blank is not set', async () => {
    const row = { user_id: 'a', twilio_auth_token: null, api_key: '', openai_api_key: ' \n' };
    const { report, rows } = await migrate([row]);
    expect(report).toMatchObject({ migrated: 0, failedCount: 0, plaintextRemaining: 0 });
    expect(rows).toEqual([row]);
  });

  it.each([
    ['an object', { token: 'abc' }],
    ['an array', ['abc']],
    ['a bigint', 12n],
  ])('that is %s fails, and is named by its type', async (type, value) => {
    const { report } = await migrate([{ user_id: 'a', twilio_auth_token: value }]);
    expect(report.failed.map(({ reason }) => reason)).toEqual([`the value is ${type}, not a text`]);
  });

  it('is the stored one, whatever white space the old system has sealed around that', async () => {
    const { vault, store, key } = memoryVault();
    const old = seal(JSON.stringify({ authToken: ` ${authToken(1)}\n`, phoneNumber: ' ' }), key);
    await store.put({ tenantId: 'a', provider: 'twilio', data: old }, null);
    const row = { user_id: 'a', twilio_auth_token: authToken(1), twilio_phone_number: '+15550100' };
    const { report, rows } = await migrate([row], { vault });
    expect(report).toMatchObject({ migrated: 1, unchanged: 1, erased: 2, plaintextRemaining: 0 });
    expect(rows).toEqual([{ user_id: 'a' }]);
    expect((await vault.require('a', 'twilio')).phoneNumber).toBe('+15550100');
  });

  it('of megabytes fails alone, and is named', async () => {
    const { report, vault } = await migrate([
      {
        user_id: 'a',
        twilio_account_sid: accountSid(1),
        twilio_auth_token: 'x'.repeat(13_000_000),
      },
      { user_id: 'b', twilio_auth_token: authToken(2) },
    ]);
    expect(report).toMatchObject({ migrated: 2, failedCount: 1, plaintextRemaining: 1 });
    expect(report.failed[0]).toMatchObject({
      tenantId: 'a',
      reason: 'field "authToken" has 13000000 bytes; a value may have at most 65536',
    });
    expect((await vault.require('a', 'twilio')).reveal()).toEqual({ accountSid: accountSid(1) });
    expect((await vault.require('b', 'twilio')).authToken).toBe(authToken(2));
  });

  const large = 'x'.repeat(60_000);
  const largeFields = ['account_sid', 'auth_token', 'api_key', 'api_secret', 'phone_number'].map(
    (key) => ({ [`twilio_${key}`]: large }),
  );
  it.each([
    ['in one document', [Object.assign({ user_id: 'a' }, ...largeFields)], 4],
    ['over several documents', largeFields.map((field) => ({ user_id: 'a', ...field })), 4],
    [
      'beside another tenant',
      largeFields.flatMap((field, at) =>
        (at < 4 ? ['a', 'b'] : ['a']).map((user_id) => ({ user_id, ...field })),
      ),
      8,
    ],
  ])(
    'that makes its record too large %s fails, and the rest is migrated',
    async (_name, rows, migrated) => {
      const { report, vault } = await migrate(rows, { batchSize: 2 });
      expect(report).toMatchObject({ migrated, failedCount: 1, plaintextRemaining: 1 });
      expect(report.failed[0]?.reason).toContain('field "phoneNumber"');
      expect(Object.keys((await vault.require('a', 'twilio')).reveal())).toHaveLength(4);
    },
  );

  it('may be as large as a value, and its record as large as a record may be', async () => {
    const most = 'x'.repeat(65_536);
    const fields = ['account_sid', 'auth_token', 'api_key', 'api_secret'].map((key) => ({
      [`twilio_${key}`]: most,
    }));
    const { report } = await migrate([Object.assign({ user_id: 'a' }, ...fields)]);
    expect(report).toMatchObject({ migrated: 4, failedCount: 0 });
  });

  it('takes the room of the blank that it replaces', async () => {
    const { vault, store, key } = memoryVault();
    const blank = ' '.repeat(60_000);
    const old = { accountSid: large, authToken: large, apiKey: large, apiSecret: blank };
    const data = seal(JSON.stringify(old), key);
    await store.put({ tenantId: 'a', provider: 'twilio', data }, null);
    const { report } = await migrate([{ user_id: 'a', twilio_api_secret: large }], { vault });
    expect(report).toMatchObject({ migrated: 1, failedCount: 0 });
  });
});

describe('migrateFromSettings', () => {
  it('says why it cannot tell the tenant of a document', async () => {
    const { report } = await migrate([
      { api_key: 'x' },
      { user_id: null, api_key: 'x' },
      { user_id: '', api_key: 'x' },
      { user_id: { $ne: null }, api_key: 'x' },
      { user_id: 'constructor', api_key: 'x' },
    ]);
    expect(report.failed.map(({ reason }) => reason)).toEqual([
      'the document names no tenant',
      'the document names no tenant',
      expect.stringContaining('1 to 128 characters'),
      expect.stringContaining('must be a string, not an object'),
      expect.stringContaining('Object.prototype'),
    ]);
  });

  it('takes a whole number or an ObjectId for a tenant as its text', async () => {
    const id = new ObjectId();
    const { report, vault } = await migrate([
      { user_id: 42, api_key: 'x' },
      { user_id: id, api_key: 'y' },
      { user_id: 4.2, api_key: 'z' },
    ]);
    expect((await vault.require('42', 'custom')).reveal()).toEqual({ api_key: 'x' });
    expect((await vault.require(id.toHexString(), 'custom')).reveal()).toEqual({ api_key: 'y' });
    expect(report.failed.map(({ source }) => source)).toEqual(['rows/2']);
  });

  it('reads and writes the records of a batch in one round trip each', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    const rows = Array.from({ length: 200 }, (_, n) => ({
      user_id: `u${n}`,
      twilio_auth_token: authToken(n),
      openai_api_key: 'k',
    }));
    const options = { settings: settingsRows(...rows), erase: true };
    await migrateFromSettings(vault, { ...options, dryRun: true });
    expect(calls).toEqual({ scan: 1, getMany: 1 });
    await migrateFromSettings(vault, options);
    // two batches, each read, written and read back
    expect(calls).toEqual({ scan: 2, getMany: 5, putMany: 2 });
  });

  it('counts in a dry run what a later document of a tenant changes', async () => {
    const rows = Array.from({ length: 900 }, (_, n) => ({
      user_id: `u${n % 400}`, // in other batches
      openai_api_key: n < 400 || n >= 600 ? 'first' : 'second',
      ...(n % 3 === 0 && { twilio_region: 'x', twilio_auth_token: authToken(n) }),
    }));
    const { vault } = memoryVault();
    const settings = settingsRows(...rows);
    const predicted = await migrateFromSettings(vault, { settings, batchSize: 50, dryRun: true });
    expect(await migrateFromSettings(vault, { settings, batchSize: 50 })).toEqual(predicted);
    expect(predicted).toMatchObject({ conflictCount: expect.toSatisfy((n) => n >= 200) });
  });

  it('names its actor in the audit trail and in the records', async () => {
    const { vault } = memoryVault();
    const settings = settingsRows({ user_id: 'a', api_key: 'k' });
    await migrateFromSettings(vault, { settings, actor: 'ops' });
    expect((await vault.list('a'))[0]?.updatedBy).toBe('ops');
  });
});

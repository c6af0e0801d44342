import {
  Keyring,
  type MigrateOptions,
  type MigrationReport,
  migrateFromSettings,
  SecretsVault,
  seal,
} from 'provider-vault';
import { describe, expect, it, vi } from 'vitest';
import { auditEvents, memoryVault, newKey } from '../../support/fixtures.ts';
import { settingsRows } from '../../support/settings-rows.ts';

describe('migrateFromSettings', () => {
  it('reports in the order of the source, however the batches overlap', async () => {
    const rows = Array.from({ length: 60 }, (_, n) => ({
      user_id: n % 3 === 0 ? undefined : `u${n % 7}`,
      openai_api_key: `key ${n}`, // with a blank: a warning
    }));
    const { vault, store } = memoryVault();
    // Later batches are faster than earlier ones.
    const getMany = store.getMany.bind(store);
    let calls = 0;
    store.getMany = async (refs) => {
      await new Promise((resolve) => setTimeout(resolve, 20 / ++calls));
      return getMany(refs);
    };
    const options = { settings: settingsRows(...rows), batchSize: 4, concurrency: 8 };
    const predicted = await migrateFromSettings(vault, { ...options, dryRun: true });
    calls = 0;
    const report = await migrateFromSettings(vault, options);
    expect(report).toEqual(predicted);
    expect(report).toMatchObject({
      migrated: 7,
      warningCount: 7,
      conflictCount: 33,
      failedCount: 20,
    });
    const numbers = report.failed.map(({ source }) => Number(source?.split('/')[1]));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    const { openai } = { openai: await vault.require('u1', 'openai') };
    expect(openai.apiKey).toBe('key 1'); // the first of its tenant
  });

  it.each([{ erase: 'false' }, { dryRun: 'false' }, { secrets: null }])(
    'refuses %j, and changes nothing',
    async (options) => {
      const { vault, store } = memoryVault();
      const settings = settingsRows({ user_id: 'a', openai_api_key: 'k' });
      await expect(
        migrateFromSettings(vault, { settings, ...options } as never),
      ).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect(settings.rows[0]).toHaveProperty('openai_api_key');
      expect(await store.list('a')).toEqual([]);
    },
  );

  const at = (tenantId: string) => ({ tenantId, provider: 'twilio' });
  it.each<[string, object[]]>([
    ['parts', [0, 1, 2].map((index) => ({ part: { index, of: 3 } }))],
    [
      'ranges',
      [
        { range: { until: at('u2') } },
        { range: { after: at('u2'), until: at('u30') } },
        { range: { after: at('u30') } },
      ],
    ],
  ])('shares the documents by %s, each in one of them', async (_name, shares) => {
    const rows = Array.from({ length: 60 }, (_, n) => ({
      user_id: n % 10 === 0 ? undefined : `u${n}`,
      openai_api_key: `key${n}`,
    }));
    const settings = settingsRows(...rows);
    const { vault } = memoryVault();
    const reports: MigrationReport[] = [];
    for (const share of shares) {
      // Batches of one: most of them hold no document of the share.
      reports.push(
        await migrateFromSettings(vault, { ...share, settings, batchSize: 1, erase: true }),
      );
    }
    const sum = (name: 'scanned' | 'migrated' | 'erased' | 'failedCount') =>
      reports.reduce((all, report) => all + report[name], 0);
    expect(reports.every(({ scanned }) => scanned > 0 && scanned < 60)).toBe(true);
    expect([sum('scanned'), sum('migrated'), sum('erased')]).toEqual([60, 54, 54]);
    expect(sum('failedCount')).toBe(6); // no tenant: they belong to one share
    expect((await vault.require('u59', 'openai')).apiKey).toBe('key59');
  });

  it('names at most 1,000 of each kind, and counts them all', async () => {
    const rows = Array.from({ length: 1100 }, () => ({ openai_api_key: 'of nobody' }));
    const report = await migrateFromSettings(memoryVault().vault, {
      settings: settingsRows(...rows),
    });
    expect(report).toMatchObject({ scanned: 1100, failedCount: 1100, plaintextRemaining: 1100 });
    expect(report.failed).toHaveLength(1000);
    expect(JSON.stringify(report)).not.toContain('of nobody');
  });

  it.each([
    ['of the vault', 1, async (vault: SecretsVault) => vault.put('a', 'custom', { x: 'y' })],
    ['of the old system', 2, async () => {}],
  ])('writes nothing under a key that opens no record %s', async (_name, count, prepare) => {
    const { vault, store, key } = memoryVault();
    await prepare(vault);
    for (let n = count; n > 1; n--) {
      for (const tenantId of ['a', 'b']) {
        await store.put({ tenantId, provider: 'twilio', data: seal('{"x":"y"}', key) }, null);
      }
    }
    const wrong = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    const settings = settingsRows({ user_id: 'c', openai_api_key: 'k' });
    for (const dryRun of [true, false]) {
      await expect(
        migrateFromSettings(wrong, { settings, erase: true, dryRun }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_(KEY_UNKNOWN|DECRYPTION)/) });
    }
    expect(await store.list('c')).toEqual([]);
    expect(settings.rows[0]).toHaveProperty('openai_api_key');
    const next = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
    const good = new SecretsVault({ store, keys: next });
    expect(await migrateFromSettings(good, { settings })).toMatchObject({ migrated: 1 });
  });

  it('reports a document on which tenantOf fails, and goes on', async () => {
    const settings = settingsRows({ api_key: 'x' }, { org: { id: 'o' }, api_key: 'y' });
    const tenantOf = (row: { org?: { id: string } }) => (row.org as { id: string }).id;
    const { vault } = memoryVault();
    const report = await migrateFromSettings(vault, { settings, tenantOf } as MigrateOptions);
    expect(report).toMatchObject({ migrated: 1, failedCount: 1 });
    expect(report.failed[0]?.reason).toContain('tenantOf');
  });

  const invalid = { code: 'ERR_INVALID_ARGUMENT' };
  it.each([
    'text',
    7,
    null,
    { '': 'custom.token' },
    { $where: 'custom.token' },
    { 'a.b': 'custom.token' },
    { a: 'token' },
    { a: '.token' },
    { a: 'custom.' },
    { a: null },
    { a: { provider: 'custom' } },
    { a: { field: 'token' } },
    { a: { provider: 'custom', field: '1' } },
  ])('refuses the mapping %j', async (mapping) => {
    const options = { settings: settingsRows(), mapping } as MigrateOptions;
    await expect(migrateFromSettings(memoryVault().vault, options)).rejects.toMatchObject(invalid);
  });

  it.each([
    { tenantIds: 'a' },
    { tenantIds: [''] },
    { tenantIds: [7] },
    { tenantOf: 'user_id' },
    { settings: undefined },
    { settings: {} },
    { settings: [] },
    { secrets: {} },
    ...['x', '{}', '[0]x', '[0,null,1]', '[1.5,null]', '["0",null]', '[0,1]'].map((text) => ({
      after: Buffer.from(text).toString('base64url'),
    })),
  ])('refuses the options %j', async (wrong) => {
    const options = { settings: settingsRows(), ...wrong } as MigrateOptions;
    await expect(migrateFromSettings(memoryVault().vault, options)).rejects.toMatchObject(invalid);
  });

  it('follows a mapping, whose providers check the form of their fields', async () => {
    const settings = settingsRows({ user_id: 'a', token$: 't', sid: 'AC1', nested: 'n' });
    const mapping = {
      token$: 'custom.token',
      sid: { provider: 'twilio', field: 'accountSid' },
      nested: 'my.own.field',
      missing: 'custom.missing',
    };
    const { vault } = memoryVault();
    const report = await migrateFromSettings(vault, { settings, mapping });
    expect(report).toMatchObject({ migrated: 3, warningCount: 1, failedCount: 0 });
    expect(report.warnings).toMatchObject([{ provider: 'twilio', field: 'accountSid' }]);
    expect((await vault.require('a', 'custom')).reveal()).toEqual({ token: 't' });
    expect((await vault.require('a', 'my.own')).reveal()).toEqual({ field: 'n' });

    // Once they are in the vault, nothing is written, and nothing warned of.
    const again = await migrateFromSettings(vault, { settings, mapping });
    expect(again).toMatchObject({ migrated: 0, unchanged: 3, warningCount: 0, warnings: [] });
    expect((await vault.list('a')).map(({ rev }) => rev)).toEqual([1, 1, 1]);
  });

  it('takes by default every field of the old settings, also those of no provider', async () => {
    const settings = settingsRows({
      user_id: 'a',
      api_key: 'k',
      facebook_webhook_verify_token: 't',
    });
    const scan = vi.spyOn(settings, 'scan');
    const { vault } = memoryVault();
    await migrateFromSettings(vault, { settings, dryRun: true });
    const [counting, reading] = scan.mock.calls.map(([query]) => query);
    expect(counting?.fields).toEqual([]);
    expect(reading?.fields).toEqual(
      expect.arrayContaining(['twilio_auth_token', 'sendgrid_api_key', 'smtp_port', 'api_key']),
    );
    expect(reading?.fields.filter((field) => typeof field !== 'string')).toEqual([]);
    expect(reading).not.toHaveProperty('after');
    await migrateFromSettings(vault, { settings });
    expect((await vault.require('a', 'custom')).reveal()).toEqual({
      api_key: 'k',
      facebook_webhook_verify_token: 't',
    });
  });

  it('asks for some tenants and for the mapped fields only', async () => {
    const settings = settingsRows(
      ...['a', 'b', 'c'].map((user_id) => ({ user_id, openai_api_key: user_id })),
    );
    const scan = vi.spyOn(settings, 'scan');
    const { vault, store } = memoryVault();
    const mapping = { openai_api_key: 'openai.apiKey' };
    const tenantIds = ['a', 'c'];
    const report = await migrateFromSettings(vault, { settings, mapping, tenantIds });
    expect(report).toMatchObject({ scanned: 2, migrated: 2 });
    expect(await store.list('b')).toEqual([]);
    expect(scan.mock.calls.at(-1)?.[0]).toMatchObject({ fields: ['openai_api_key'], tenantIds });
    // A source may give more than it was asked for.
    const more = { ...settings, scan: () => settings.scan({ batchSize: 10, fields: [] }) };
    const again = await migrateFromSettings(vault, { settings: more, mapping, tenantIds });
    expect(again).toMatchObject({ scanned: 2, unchanged: 2 });
    expect(await store.list('b')).toEqual([]);
    const all = await migrateFromSettings(vault, { settings, mapping });
    expect(all).toMatchObject({ scanned: 3, migrated: 1, unchanged: 2 });
    expect(scan.mock.calls.at(-1)?.[0]).not.toHaveProperty('tenantIds');
  });

  it('takes what the settings lack from the secrets, and says who did it', async () => {
    const settings = settingsRows({ user_id: 'a', openai_api_key: 'first' });
    const secrets = settingsRows({ user_id: 'a', openai_api_key: 'other', gemini_api_key: 'g' });
    const { vault } = memoryVault();
    const options = { settings, secrets, actor: 'ops' };
    const events = await auditEvents(async () => {
      const report = await migrateFromSettings(vault, options);
      expect(report).toMatchObject({ scanned: 2, migrated: 2, conflictCount: 1 });
    });
    const migrated = events.filter(({ action }) => action === 'migrate');
    expect(migrated.map(({ actor }) => actor)).toEqual(migrated.map(() => 'ops'));
    const more = settingsRows({
      user_id: 'a',
      sender_email: 'a@b.example',
      openai_api_key: 'first',
    });
    const [event, ...others] = await auditEvents(() =>
      migrateFromSettings(vault, { settings: more }),
    );
    expect(event).toMatchObject({ provider: 'sendgrid', fields: ['senderEmail'] });
    expect(event).not.toHaveProperty('actor');
    expect(others).toEqual([]); // the other one was there
    expect((await vault.require('a', 'openai')).meta.updatedBy).toBe('ops');
    expect((await vault.require('a', 'openai')).apiKey).toBe('first');
    expect((await vault.require('a', 'gemini')).apiKey).toBe('g');
  });

  it.each([
    [[3, 4], 7],
    [[3, undefined], undefined],
    [[undefined, 4], undefined],
  ])('knows of sources that count %j documents how many there are', async (counts, total) => {
    const [settings, secrets] = counts.map((count) => ({
      ...settingsRows({ user_id: 'a', openai_api_key: 'k' }),
      ...(count !== undefined && { count: async () => count }),
    }));
    const totals: unknown[] = [];
    await migrateFromSettings(memoryVault().vault, {
      settings,
      secrets,
      onProgress: (progress) => totals.push(progress.total),
    } as MigrateOptions);
    expect(totals.length).toBeGreaterThan(0);
    expect(new Set(totals)).toEqual(new Set([total]));
  });

  it('does not know how many documents some tenants have', async () => {
    const settings = {
      ...settingsRows({ user_id: 'a', openai_api_key: 'k' }),
      count: async () => 7,
    };
    const totals: unknown[] = [];
    await migrateFromSettings(memoryVault().vault, {
      settings,
      tenantIds: ['a'],
      onProgress: (progress) => totals.push(progress.total),
    });
    expect(totals).toEqual([undefined]);
  });

  it('names a conflict by its address, and changes neither value', async () => {
    const { vault } = memoryVault();
    await vault.put('a', 'openai', { apiKey: 'stored' });
    const settings = settingsRows({ user_id: 'a', openai_api_key: 'other' });
    const report = await migrateFromSettings(vault, { settings, erase: true });
    expect(report).toEqual({
      scanned: 1,
      migrated: 0,
      unchanged: 0,
      erased: 0,
      plaintextRemaining: 1,
      conflictCount: 1,
      warningCount: 0,
      failedCount: 0,
      conflicts: [
        {
          tenantId: 'a',
          provider: 'openai',
          field: 'apiKey',
          source: 'rows/0',
          reason: 'the vault holds another value',
        },
      ],
      warnings: [],
      failed: [],
    });
    expect((await vault.require('a', 'openai')).apiKey).toBe('stored');
    expect(settings.rows).toEqual([{ user_id: 'a', openai_api_key: 'other' }]);
  });

  it('does not ask the source to erase where nothing was migrated', async () => {
    const settings = settingsRows({ openai_api_key: 'of nobody' }, { user_id: 'a' });
    const erase = vi.spyOn(settings, 'erase');
    const report = await migrateFromSettings(memoryVault().vault, { settings, erase: true });
    expect(report).toMatchObject({ scanned: 2, migrated: 0, erased: 0, conflicts: [] });
    expect(erase).not.toHaveBeenCalled();
  });

  it('ends where the source cannot erase, without what the source says', async () => {
    const settings = settingsRows({ user_id: 'a', openai_api_key: 'k' });
    settings.erase = () => Promise.reject(new TypeError('row of k'));
    const { vault } = memoryVault();
    await expect(migrateFromSettings(vault, { settings, erase: true })).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
      message: 'The settings "rows" could not be erased (TypeError).',
      report: { migrated: 1, erased: 0 },
    });
    expect((await vault.require('a', 'openai')).apiKey).toBe('k');
  });

  it('reports what the keys no longer seal, and leaves its plaintext', async () => {
    const erased = Object.assign(new Error('erased'), { code: 'ERR_KEY_ERASED' });
    Object.defineProperty(erased, Symbol.for('provider-vault.error'), { value: true });
    const keys = {
      encryptionKey: () => Promise.reject(erased),
      decryptionKey: () => [],
    };
    const settings = settingsRows({ user_id: 'a', openai_api_key: 'k' });
    const { vault, store } = memoryVault({ keys });
    const report = await migrateFromSettings(vault, { settings, erase: true });
    expect(report).toMatchObject({ migrated: 0, erased: 0, failedCount: 1, plaintextRemaining: 1 });
    expect(report.failed[0]?.reason).toBe('ERR_KEY_ERASED');
    expect(settings.rows).toEqual([{ user_id: 'a', openai_api_key: 'k' }]);
    expect(await store.list('a')).toEqual([]);
  });

  it('drops from the cache what it writes', async () => {
    const { vault } = memoryVault({ cache: { ttlMs: 60_000 } });
    await vault.put('a', 'twilio', { region: 'ie1' });
    await vault.get('a', 'twilio');
    const settings = settingsRows({ user_id: 'a', twilio_auth_token: 'abc' });
    await migrateFromSettings(vault, { settings });
    expect((await vault.require('a', 'twilio')).authToken).toBe('abc');
    expect((await vault.require('a', 'twilio')).meta.rev).toBe(2);
  });

  it('writes nothing that a strict audit trail does not keep', async () => {
    const settings = settingsRows({ user_id: 'a', openai_api_key: 'k' });
    let full = true;
    const kept: unknown[] = [];
    const sink = {
      write: async (event: unknown) => {
        if (full) throw new Error('disk full');
        kept.push(event);
      },
    };
    const { vault, store } = memoryVault({ audit: { sink, mode: 'strict' } });
    const options = { settings, erase: true };
    await expect(migrateFromSettings(vault, options)).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
    });
    expect(await store.list('a')).toEqual([]);
    expect(settings.rows[0]).toHaveProperty('openai_api_key');
    full = false;
    await migrateFromSettings(vault, options);
    expect(kept).toMatchObject([{ action: 'migrate', provider: 'openai', outcome: 'ok', rev: 1 }]);
  });
});

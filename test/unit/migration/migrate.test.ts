import {
  Keyring,
  type MigrateOptions,
  type MigrationReport,
  migrateFromSettings,
  SecretsVault,
  seal,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey } from '../../support/fixtures.ts';
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

import {
  type MigrateOptions,
  type MigrationReport,
  migrateFromSettings,
  type OperationError,
  type SecretsVault,
  VaultError,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, rejection } from '../../support/fixtures.ts';
import { placedRows, settingsRows } from '../../support/settings-rows.ts';

const rows = (count: number, name = 'u') =>
  Array.from({ length: count }, (_, n) => ({ user_id: `${name}${n}`, api_key: `k${n}` }));

/** Migrates until `stop` documents are done. */
async function migrateUntil(stop: number, vault: SecretsVault, options: MigrateOptions) {
  const controller = new AbortController();
  const migration = migrateFromSettings(vault, {
    ...options,
    batchSize: 5,
    concurrency: 1,
    signal: controller.signal,
    onProgress: ({ done }) => done === stop && controller.abort(),
  });
  const stopped = (await rejection(migration)) as OperationError<MigrationReport>;
  expect(stopped).toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
  expect(stopped.report).toMatchObject({ scanned: stop, migrated: stop });
  return { after: stopped.after as string };
}

describe('a migration that was stopped', () => {
  it('goes on where it was, in a source that tells places', async () => {
    const settings = placedRows(...rows(40));
    const { vault } = memoryVault();
    const { after } = await migrateUntil(20, vault, { settings });
    const rest = await migrateFromSettings(vault, { settings, after });
    expect(rest).toMatchObject({ scanned: 20, migrated: 20, unchanged: 0 });
  });

  it.each([
    ['first', 5, 1],
    ['second', 15, 0],
  ])('in the %s of two sources reads only what follows', async (_name, stop, scans) => {
    const settings = placedRows(...rows(10, 'a'));
    const secrets = placedRows(...rows(10, 'b'));
    const { vault } = memoryVault();
    const { after } = await migrateUntil(stop, vault, { settings, secrets });
    settings.scans = 0;
    const rest = await migrateFromSettings(vault, { settings, secrets, after });
    expect(rest).toMatchObject({ scanned: 20 - stop, migrated: 20 - stop });
    expect(settings.scans).toBe(scans);
  });

  it('begins anew in a source that tells no places', async () => {
    const settings = settingsRows(...rows(20));
    const { vault } = memoryVault();
    const { after } = await migrateUntil(10, vault, { settings });
    const rest = await migrateFromSettings(vault, { settings, after });
    expect(rest).toMatchObject({ scanned: 20, migrated: 10, unchanged: 10 });
  });

  it.each(['x', 'bnVsbA', 7])('is not resumed after %j, and nothing is read', async (after) => {
    const settings = placedRows(...rows(10));
    for (const dryRun of [true, false]) {
      const options = { settings, dryRun, after: after as string };
      await expect(migrateFromSettings(memoryVault().vault, options)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
    expect(settings.scans).toBe(0);
  });
});

describe('a migration that loses its connection', () => {
  it.each([
    [false, 2],
    [true, 3], // and once to count the documents of each tenant
  ])('goes on behind what it has read (dry run: %s)', async (dryRun, scans) => {
    const settings = placedRows(...rows(20));
    const { scan } = settings;
    let lost = false;
    settings.scan = async function* (query) {
      for await (const batch of scan.call(settings, query)) {
        yield batch;
        if (lost || query.fields.length === 0) continue;
        lost = true;
        throw new VaultError('ERR_STORE_UNAVAILABLE', 'connection lost');
      }
    };
    const options = { settings, dryRun, batchSize: 5 };
    const report = await migrateFromSettings(memoryVault().vault, options);
    expect(report).toMatchObject({ scanned: 20, migrated: 20 });
    expect(settings.scans).toBe(scans);
  });
});

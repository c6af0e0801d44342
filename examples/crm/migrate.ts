import type { Db } from 'mongodb';
import { type MigrateOptions, migrateFromSettings, type SecretsVault } from 'provider-vault';

/** Where the old CRM kept credentials in plaintext; delete this file once it is empty. */
export function oldSettings(db: Db) {
  return {
    settings: db.collection('settings'),
    secrets: db.collection('secrets'), // what a half-done migration left there
  };
}

/**
 * Moves the credentials of all tenants into the vault. With `erase` each plaintext is removed once
 * its sealed value was read back. Safe to run again, and while the CRM runs.
 */
export function migrateOldSettings(
  vault: SecretsVault,
  db: Db,
  options: Pick<MigrateOptions, 'dryRun' | 'erase'>,
) {
  return migrateFromSettings(vault, { ...oldSettings(db), ...options });
}

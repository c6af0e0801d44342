import type { Db } from 'mongodb';
import { migrateFromSettings, type SecretsVault } from 'provider-vault';

/**
 * Moves the credentials that an old database holds in plaintext into the vault, and removes each
 * plaintext once its sealed value was read back. Safe to run again, and while the CRM runs.
 */
export function migrateOldSettings(vault: SecretsVault, db: Db) {
  return migrateFromSettings(vault, {
    settings: db.collection('settings'),
    secrets: db.collection('secrets'), // plaintext that a half-done migration left there
    erase: true,
  });
}

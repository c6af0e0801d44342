import { traced } from '../core/tracing.ts';
import { coreOf } from '../core/vault-core.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { MigrateOptions, MigrationReport } from './migration-run.ts';

/**
 * Moves the credentials that an application keeps in plaintext into the vault.
 *
 * It can be stopped or killed at any point and run again: nothing is written twice, a value that
 * the vault already has wins, and a plaintext is removed only after its sealed value was read back.
 * The application may keep running.
 *
 * A dry run writes nothing and gives the same report. It reads the sources twice: first it counts
 * the documents of each tenant.
 *
 * @example
 * ```ts
 * const settings = db.collection('settings');
 * const report = await migrateFromSettings(vault, { settings, dryRun: true });
 * log.info({ migrated: report.migrated, conflicts: report.conflicts });
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError when it was aborted or failed, with the report
 * so far, also when the keys open nothing of what is stored (`ERR_KEY_UNKNOWN` or
 * `ERR_DECRYPTION_FAILED`, nothing written). A record that cannot be opened does not throw: its fields are reported
 * as failed.
 * @public
 */
export async function migrateFromSettings(
  vault: SecretsVault,
  options: MigrateOptions,
): Promise<MigrationReport> {
  const core = coreOf(vault);
  const { runMigration } = await import('./migration-run.ts');
  return traced('migrateFromSettings', core.owner, () => runMigration(core, options));
}

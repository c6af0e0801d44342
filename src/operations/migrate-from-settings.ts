import { invalidArgument } from '../errors.ts';
import { assertTenantId } from '../record/ref.ts';
import { refuseForeignKeys } from '../settings/key-check.ts';
import { tenantOfDocument } from '../settings/plaintext.ts';
import { resolveMapping } from '../settings/settings-mapping.ts';
import {
  type SettingsOrigin,
  scanSource,
  sourcesOf,
  userIdOf,
} from '../settings/settings-origin.ts';
import type { SettingsQuery, SettingsSource } from '../settings/settings-source.ts';
import type { BundleVault } from '../vault/bundle-vault.ts';
import { coreOf } from '../vault/internals.ts';
import {
  addTally,
  batchSettings,
  forEachBatch,
  type LongOperationOptions,
  type OperationIssue,
} from './long-operation.ts';
import { emptyReport, type FoundDocument, MigrationRun } from './migration-run.ts';

/**
 * Options of {@link migrateFromSettings}.
 *
 * @public
 */
export interface MigrateOptions extends SettingsOrigin, LongOperationOptions {
  /** Only these tenants. @defaultValue all */
  readonly tenantIds?: readonly string[];
  /**
   * Removes each plaintext field whose sealed value was read back from the store and compared, and
   * only where it still has the value that was read.
   *
   * @defaultValue `false`
   */
  readonly erase?: boolean;
}

/**
 * What {@link migrateFromSettings} did. It holds counts and names, never a value.
 *
 * @public
 */
export interface MigrationReport {
  /** Source documents read. */
  scanned: number;
  /** Fields written to the vault. */
  migrated: number;
  /** Fields that the vault had already. */
  unchanged: number;
  /** Plaintext fields removed. */
  erased: number;
  /** Plaintext fields still in the sources. */
  plaintextRemaining: number;
  /** Fields of which the vault has another value; it was left alone, and so was the plaintext. */
  conflictCount: number;
  /** Fields that were migrated although they do not have the form of their definition. */
  warningCount: number;
  /** Fields that could not be migrated. */
  failedCount: number;
  /** The first 1,000 conflicts. */
  conflicts: OperationIssue[];
  /** The first 1,000 warnings. */
  warnings: OperationIssue[];
  /** The first 1,000 failures. */
  failed: OperationIssue[];
}

/**
 * Moves the credentials that an application keeps in plaintext into the vault.
 *
 * It can be stopped or killed at any point and run again: what is there is not written twice, what
 * the vault has wins, and a plaintext is removed only after its sealed value was read back. Live
 * traffic may go on meanwhile.
 *
 * A dry run writes nothing and gives the same report; it remembers a digest of each field it would
 * have written.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`; the errors of the store, of the sources and of the
 * keys. A record that cannot be opened is no error: its fields are reported as failed. But keys that
 * open nothing of what is stored are refused before anything is written.
 * @public
 */
export async function migrateFromSettings(
  vault: BundleVault,
  options: MigrateOptions,
): Promise<MigrationReport> {
  const core = coreOf(vault);
  const { batchSize, dryRun } = batchSettings(options);
  const { tenantIds, tenantOf = userIdOf, erase = false } = options;
  if (tenantIds !== undefined) {
    if (!Array.isArray(tenantIds)) throw invalidArgument('tenantIds must be an array of strings.');
    tenantIds.forEach(assertTenantId);
  }
  const sources = sourcesOf(options);
  const mapping = resolveMapping(options.mapping, core.registry);
  await refuseForeignKeys(core);

  const run = new MigrationRun(core, { mapping, erase, dryRun });
  const report = emptyReport();
  const fields = [...mapping.keys()];
  const query = { batchSize, fields, ...(tenantIds && { tenantIds }) };
  await forEachBatch(documentsOf(sources, query, tenantOf), options, {
    handle: (batch) => run.migrate(batch),
    collect: (part) => addTally(report, part),
    keyOf: ({ tenant }) => tenant.id,
    total: tenantIds === undefined ? await countAll(sources) : undefined,
  });
  return report;
}

async function* documentsOf(
  sources: readonly SettingsSource[],
  query: SettingsQuery,
  tenantOf: NonNullable<SettingsOrigin['tenantOf']>,
): AsyncIterable<FoundDocument[]> {
  const wanted = query.tenantIds && new Set<string | undefined>(query.tenantIds);
  for (const source of sources) {
    for await (const documents of scanSource(source, query)) {
      yield documents
        .map((document) => ({ document, source, tenant: tenantOfDocument(document, tenantOf) }))
        .filter(({ tenant }) => wanted === undefined || wanted.has(tenant.id));
    }
  }
}

async function countAll(sources: readonly SettingsSource[]): Promise<number | undefined> {
  const counts = await Promise.all(sources.map((source) => source.count?.()));
  return counts.reduce(
    (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
    0,
  );
}

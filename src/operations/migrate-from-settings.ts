import { invalidArgument } from '../errors.ts';
import type { MongoCollection } from '../stores/mongo-types.ts';
import { coreOf } from '../vault/internals.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import {
  batchSettings,
  forEachBatch,
  type LongOperationOptions,
  type OperationIssue,
} from './long-operation.ts';
import { MigrationRun } from './migration-run.ts';
import { resolveMapping, type SettingsMapping } from './settings-mapping.ts';
import { MongoSettingsSource, type SettingsSource } from './settings-source.ts';

/**
 * Where old settings are and how they are read.
 *
 * @public
 */
export interface SettingsOrigin {
  /** The settings [L1]: a MongoDB collection, or any source. */
  readonly settings: MongoCollection | SettingsSource;
  /**
   * The collection `secrets` of the old system, for the plaintext documents that an earlier
   * half-done migration left in it [L2]. Sealed records in it are not touched.
   */
  readonly secrets?: MongoCollection | SettingsSource;
  /**
   * Where each old field goes.
   *
   * @defaultValue every flat key of the vault's provider definitions, and the secrets of the old
   * settings that belong to none, which go to provider `custom`
   */
  readonly mapping?: SettingsMapping;
  /** Tells the tenant of a document. @defaultValue its `user_id` */
  readonly tenantOf?: (document: Readonly<Record<string, unknown>>) => unknown;
}

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
 * keys. A record that cannot be opened is no error: its fields are reported as failed.
 * @public
 */
export async function migrateFromSettings(
  vault: SecretsVault,
  options: MigrateOptions,
): Promise<MigrationReport> {
  const core = coreOf(vault);
  const { batchSize, dryRun } = batchSettings(options);
  const { tenantIds, erase = false } = options;
  if (tenantIds !== undefined && !Array.isArray(tenantIds)) {
    throw invalidArgument('tenantIds must be an array of strings.');
  }
  const mapping = resolveMapping(options.mapping, core.registry);
  const run = new MigrationRun(core, {
    mapping,
    erase,
    dryRun,
    tenantOf: options.tenantOf ?? userIdOf,
    ...(tenantIds !== undefined && { tenantIds: new Set(tenantIds) }),
  });
  const query = {
    batchSize,
    fields: [...mapping.keys()],
    ...(tenantIds !== undefined && { tenantIds }),
  };
  await core.sealer.currentKeyId({ tenantId: 'default', provider: 'custom' }); // no key: say so now
  for (const source of sourcesOf(options)) {
    const total = tenantIds === undefined ? await source.count?.() : undefined;
    await forEachBatch(
      source.scan(query),
      options,
      (batch) => run.migrate(batch, source),
      total,
      ({ values }) => String(run.tenantOf(values)),
    );
  }
  return run.report;
}

/** @internal */
export function sourcesOf({ settings, secrets, tenantOf }: SettingsOrigin): SettingsSource[] {
  const tenantField = tenantOf === undefined ? 'user_id' : undefined;
  // Only what is no record: a record has a tenant and a provider.
  const plaintextOnly = { tenantId: null, provider: null };
  const first = toSource(settings, 'settings', {}, tenantField);
  if (secrets === undefined) return [first];
  return [first, toSource(secrets, 'secrets', plaintextOnly, tenantField)];
}

function toSource(
  source: MongoCollection | SettingsSource,
  name: string,
  filter: object,
  tenantField: string | undefined,
): SettingsSource {
  if (typeof (source as SettingsSource | undefined)?.scan === 'function') {
    return source as SettingsSource;
  }
  if (typeof (source as MongoCollection | undefined)?.find !== 'function') {
    throw invalidArgument(`${name} must be a MongoDB collection or a SettingsSource.`);
  }
  return new MongoSettingsSource(source as MongoCollection, name, filter, tenantField);
}

function userIdOf(document: Readonly<Record<string, unknown>>): unknown {
  return document.user_id;
}

import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import { batchSettings, forEachBatch } from '../maintenance/batches.ts';
import { refuseForeignKeys } from '../maintenance/key-check.ts';
import type { LongOperationOptions, OperationIssue } from '../maintenance/long-operation.ts';
import { assertTenantId } from '../names.ts';
import { matches } from '../providers/fields.ts';
import { EarlierFields } from './earlier-fields.ts';
import { type ResolvedMapping, resolveMapping } from './mapping.ts';
import { importFields, type Outcome, type PendingRecord, readBack } from './pending-record.ts';
import {
  type FoundDocument,
  type PlaintextField,
  readPlaintext,
  type TenantOf,
  tenantOfDocument,
} from './plaintext.ts';
import type { SettingsOptions } from './settings-options.ts';
import type { SettingsDocument, SettingsQuery, SettingsSource } from './settings-source.ts';
import { openSources, scanSource, sourceError, userIdOf } from './sources.ts';

/**
 * Options of `migrateFromSettings`.
 *
 * @public
 */
export interface MigrateOptions extends SettingsOptions, LongOperationOptions {
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
 * What `migrateFromSettings` did. It holds counts and names, never a value.
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
  /** Fields for which the vault has another value; neither that nor the plaintext was changed. */
  conflictCount: number;
  /** Fields that were migrated although they do not match the pattern of their definition. */
  warningCount: number;
  /**
   * Fields that could not be migrated, and documents that are neither records nor settings [L7].
   */
  failedCount: number;
  /** The first 1,000 conflicts. */
  conflicts: OperationIssue[];
  /** The first 1,000 warnings. */
  warnings: OperationIssue[];
  /** The first 1,000 failures. */
  failed: OperationIssue[];
}

// A dry run reads the vault once per batch; until the collection has an index, each read scans all
// of it.
const DRY_RUN_BATCH = 2000;

interface BatchContext {
  readonly mapping: ResolvedMapping;
  readonly erase: boolean;
  readonly actor: string | undefined;
  /** Of a dry run. */
  readonly earlier: EarlierFields | undefined;
}

/** Does the work of `migrateFromSettings`. @internal */
export async function runMigration(
  core: VaultCore,
  options: MigrateOptions,
): Promise<MigrationReport> {
  const { dryRun } = batchSettings(options);
  const { tenantIds, tenantOf = userIdOf, erase = false, actor, signal, after: start } = options;
  if (tenantIds !== undefined) {
    if (!Array.isArray(tenantIds)) throw invalidArgument('tenantIds must be an array of strings.');
    tenantIds.forEach(assertTenantId);
  }
  if (typeof erase !== 'boolean') throw invalidArgument('erase must be a boolean.');
  const sources = openSources(options);
  const mapping = resolveMapping(options.mapping, core.registry);
  if (start !== undefined) decodePlace(start); // a malformed one is rejected before anything begins
  const earlier = dryRun ? new EarlierFields() : undefined;
  const context = { mapping, erase, actor, earlier };
  const query = { fields: [...mapping.keys()], ...(tenantIds && { tenantIds }) };
  let prepared = false;
  return forEachBatch(read, dryRun ? { batchSize: DRY_RUN_BATCH, ...options } : options, {
    emptyReport,
    handle: (batch, report) => migrateBatch(core, batch, context, report),
    placeOf: ({ document: { place }, source }) =>
      Buffer.from(JSON.stringify([sources.indexOf(source), place])).toString('base64url'),
    tenantOf: ({ tenant }) => tenant.id,
    keyOf: ({ tenant }) => tenant.id,
    total: async () => (tenantIds === undefined ? countAll(sources) : undefined),
  });

  async function* read(after: string | undefined, batchSize: number) {
    if (!prepared) await prepare(batchSize);
    prepared = true;
    yield* readDocuments(sources, { ...query, batchSize }, tenantOf, after);
  }

  async function prepare(batchSize: number): Promise<void> {
    await refuseForeignKeys(core);
    if (earlier === undefined) return;
    const ids = readDocuments(sources, { ...query, fields: [], batchSize }, tenantOf);
    for await (const documents of ids) {
      signal?.throwIfAborted();
      for (const { tenant } of documents) if (tenant.id) earlier.countDocument(tenant.id);
    }
  }
}

/** The documents of all sources, in batches, each of one source. */
async function* readDocuments(
  sources: readonly SettingsSource[],
  query: SettingsQuery,
  tenantOf: TenantOf,
  after?: string,
): AsyncIterable<FoundDocument[]> {
  const wanted = query.tenantIds && new Set<string | undefined>(query.tenantIds);
  const [first, place] = after === undefined ? [0] : decodePlace(after);
  for (const source of sources.slice(first)) {
    const resume = source === sources[first] && place !== undefined && { after: place };
    for await (const documents of scanSource(source, { ...query, ...resume })) {
      yield documents
        .map((document) => ({ document, source, tenant: tenantOfDocument(document, tenantOf) }))
        .filter(({ tenant }) => wanted === undefined || wanted.has(tenant.id));
    }
  }
}

/** The source, and the place in it, that `placeOf` encoded. */
function decodePlace(text: string): [source: number, place?: string] {
  try {
    const [source, place, ...rest] = JSON.parse(Buffer.from(text, 'base64url').toString());
    const known = Number.isSafeInteger(source) && rest.length === 0;
    if (known && (place === null || typeof place === 'string')) return [source, place ?? undefined];
  } catch {}
  throw invalidArgument('after must be a text that an OperationError of this operation held.');
}

async function migrateBatch(
  core: VaultCore,
  batch: readonly FoundDocument[],
  { mapping, erase, actor, earlier }: BatchContext,
  report: MigrationReport,
): Promise<void> {
  report.scanned = batch.length;
  const items: PlaintextField[] = [];
  for (const found of batch) {
    const { fields, issues } = readPlaintext(found, mapping);
    items.push(...fields);
    for (const issue of issues) countFailure(report, issue);
  }
  const records = await importFields(core, items, { actor, earlier });
  for (const { outcomes } of records) for (const outcome of outcomes) count(report, outcome);
  if (erase) {
    const { source } = batch[0] as FoundDocument;
    report.erased = earlier
      ? report.migrated + report.unchanged
      : await erasePlaintext(core, records, source);
    report.plaintextRemaining -= report.erased;
  }
}

async function erasePlaintext(
  core: VaultCore,
  records: readonly PendingRecord[],
  source: SettingsSource,
): Promise<number> {
  const erasures = new Map<SettingsDocument, { id: unknown; fields: Record<string, unknown> }>();
  for (const { document, key, original } of await readBack(core, records)) {
    const erasure = erasures.get(document) ?? { id: document.id, fields: {} };
    erasure.fields[key] = original;
    erasures.set(document, erasure);
  }
  if (erasures.size === 0) return 0;
  try {
    const erased = await source.erase([...erasures.values()]);
    return erased.reduce((sum, fields) => sum + fields.length, 0);
  } catch (error) {
    throw sourceError(error, source, 'erased');
  }
}

function count(report: MigrationReport, outcome: Outcome): void {
  const { tenantId, provider, field, source, pattern, value } = outcome.item;
  const where = { tenantId, provider, field, source };
  if (outcome.verdict === 'failed') {
    countFailure(report, { ...where, reason: outcome.reason });
    return;
  }
  report.plaintextRemaining++;
  if (outcome.verdict === 'conflict') {
    report.conflictCount++;
    report.conflicts.push({ ...where, reason: outcome.reason });
    return;
  }
  report[outcome.verdict]++;
  if (outcome.verdict === 'migrated' && pattern !== undefined && !matches(pattern, value)) {
    report.warningCount++;
    report.warnings.push({ ...where, reason: 'the value does not have the expected form' });
  }
}

function countFailure(report: MigrationReport, issue: OperationIssue): void {
  if (issue.field !== undefined) report.plaintextRemaining++;
  report.failedCount++;
  report.failed.push(issue);
}

function emptyReport(): MigrationReport {
  return {
    scanned: 0,
    migrated: 0,
    unchanged: 0,
    erased: 0,
    plaintextRemaining: 0,
    conflictCount: 0,
    warningCount: 0,
    failedCount: 0,
    conflicts: [],
    warnings: [],
    failed: [],
  };
}

async function countAll(sources: readonly SettingsSource[]): Promise<number | undefined> {
  const counts = await Promise.all(sources.map((source) => source.count?.()));
  return counts.reduce(
    (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
    0,
  );
}

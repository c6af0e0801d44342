import { createHash } from 'node:crypto';
import { addressOf } from '../record/ref.ts';
import {
  type Bundle,
  bundlesOf,
  conflictOf,
  contentOf,
  isOddlyFormed,
  type Judged,
  judge,
  readBack,
  recordsOf,
  writeBundles,
} from '../settings/bundle.ts';
import { type PlaintextField, readPlaintext, type Tenant } from '../settings/plaintext.ts';
import type { ResolvedMapping } from '../settings/settings-mapping.ts';
import { sourceError } from '../settings/settings-origin.ts';
import type {
  SettingsDocument,
  SettingsErasure,
  SettingsSource,
} from '../settings/settings-source.ts';
import type { VaultCore } from '../vault/vault-core.ts';
import type { OperationIssue } from './long-operation.ts';
import type { MigrationReport } from './migrate-from-settings.ts';

/** One document of settings, where it is from, and whose it is. @internal */
export interface FoundDocument {
  readonly document: SettingsDocument;
  readonly source: SettingsSource;
  readonly tenant: Tenant;
}

/** @internal */
export interface MigrationSettings {
  readonly mapping: ResolvedMapping;
  readonly erase: boolean;
  readonly dryRun: boolean;
}

/**
 * One run of a migration: takes batches of documents, each of one source, and reports on each.
 *
 * @internal
 */
export class MigrationRun {
  readonly #core: VaultCore;
  readonly #settings: MigrationSettings;
  // What a dry run would have written: address → field → digest of the value.
  readonly #imagined = new Map<string, Map<string, string>>();

  constructor(core: VaultCore, settings: MigrationSettings) {
    this.#core = core;
    this.#settings = settings;
  }

  /** Migrates the credentials in a batch of documents. */
  async migrate(batch: readonly FoundDocument[]): Promise<MigrationReport> {
    const { mapping, erase, dryRun } = this.#settings;
    const report = emptyReport();
    const items: PlaintextField[] = [];
    for (const { document, source, tenant } of batch) {
      const { fields, unplaced } = readPlaintext(document, tenant, source.name, mapping);
      report.scanned++;
      items.push(...fields);
      for (const issue of unplaced) fail(report, issue);
    }
    const bundles = bundlesOf(items);
    if (dryRun) await this.#imagine(bundles);
    else await writeBundles(this.#core, bundles);
    for (const { judged } of bundles) for (const one of judged) this.#count(report, one);
    if (erase) {
      const erased = dryRun
        ? report.migrated + report.unchanged
        : await this.#erase(bundles, batch);
      report.erased += erased;
      report.plaintextRemaining -= erased;
    }
    return report;
  }

  async #erase(bundles: readonly Bundle[], [first]: readonly FoundDocument[]): Promise<number> {
    const erasures = new Map<SettingsDocument, { id: unknown; fields: Record<string, unknown> }>();
    for (const { document, key, original } of await readBack(this.#core, bundles)) {
      const erasure = erasures.get(document) ?? { id: document.id, fields: {} };
      erasure.fields[key] = original;
      erasures.set(document, erasure);
    }
    if (first === undefined || erasures.size === 0) return 0;
    const list: SettingsErasure[] = [...erasures.values()];
    try {
      return (await first.source.erase(list)).reduce((sum, fields) => sum + fields.length, 0);
    } catch (error) {
      throw sourceError(error, first.source, 'erased');
    }
  }

  // A dry run writes nothing, so that later documents of the same tenant must be told of what the
  // earlier ones would have written.
  async #imagine(bundles: readonly Bundle[]): Promise<void> {
    const stored = await recordsOf(this.#core, bundles);
    for (const bundle of bundles) {
      const address = addressOf(bundle.ref);
      const content = await contentOf(this.#core, stored.get(address));
      const imagined = this.#imagined.get(address) ?? new Map<string, string>();
      bundle.judged = bundle.items.map((item): Judged => {
        if ('reason' in content || content.fields[item.field]) {
          return judge([item], content).judged[0] as Judged;
        }
        const digest = createHash('sha256').update(item.value).digest('base64').slice(0, 22);
        const earlier = imagined.get(item.field);
        imagined.set(item.field, earlier ?? digest);
        if (earlier === undefined) return { item, verdict: 'migrated' };
        return earlier === digest ? { item, verdict: 'unchanged' } : conflictOf(item);
      });
      if (imagined.size > 0) this.#imagined.set(address, imagined);
    }
  }

  #count(report: MigrationReport, { item, verdict, reason = '' }: Judged): void {
    const { tenantId, provider, field, source } = item;
    const where = { tenantId, provider, field, source };
    if (verdict === 'failed') {
      fail(report, { ...where, reason });
      return;
    }
    report.plaintextRemaining++;
    if (verdict === 'conflict') {
      report.conflictCount++;
      report.conflicts.push({ ...where, reason });
      return;
    }
    report[verdict]++;
    if (verdict === 'migrated' && isOddlyFormed(this.#core, item)) {
      report.warningCount++;
      report.warnings.push({ ...where, reason: 'the value does not have the expected form' });
    }
  }
}

function fail(report: MigrationReport, issue: OperationIssue): void {
  report.plaintextRemaining++;
  report.failedCount++;
  report.failed.push(issue);
}

/** @internal */
export function emptyReport(): MigrationReport {
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

import { createHash } from 'node:crypto';
import type { VaultCore } from '../vault/vault-core.ts';
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
} from './bundle.ts';
import { addressOf, note } from './long-operation.ts';
import type { MigrationReport } from './migrate-from-settings.ts';
import { type PlaintextField, readPlaintext } from './plaintext.ts';
import type { ResolvedMapping } from './settings-mapping.ts';
import type { SettingsDocument, SettingsErasure, SettingsSource } from './settings-source.ts';

/** @internal */
export interface MigrationSettings {
  readonly mapping: ResolvedMapping;
  readonly tenantOf: (document: Readonly<Record<string, unknown>>) => unknown;
  readonly tenantIds?: ReadonlySet<string>;
  readonly erase: boolean;
  readonly dryRun: boolean;
}

/**
 * One run of a migration: takes batches of documents, and keeps the report.
 *
 * @internal
 */
export class MigrationRun {
  readonly report: MigrationReport = {
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

  readonly tenantOf: MigrationSettings['tenantOf'];
  readonly #core: VaultCore;
  readonly #settings: MigrationSettings;
  // What a dry run would have written: address → field → digest of the value.
  readonly #imagined = new Map<string, Map<string, string>>();

  constructor(core: VaultCore, settings: MigrationSettings) {
    this.#core = core;
    this.#settings = settings;
    this.tenantOf = settings.tenantOf;
  }

  /** Migrates the credentials in a batch of documents of one source. */
  async migrate(documents: readonly SettingsDocument[], source: SettingsSource): Promise<void> {
    const { mapping, tenantOf, tenantIds, erase, dryRun } = this.#settings;
    const items: PlaintextField[] = [];
    for (const document of documents) {
      const read = readPlaintext(document, source.name, mapping, tenantOf);
      if (tenantIds !== undefined && !tenantIds.has(String(tenantOf(document.values)))) continue;
      this.report.scanned++;
      items.push(...read.fields);
      for (const failure of read.failed) this.#fail(failure);
    }
    const bundles = bundlesOf(items);
    if (bundles.length === 0) return;
    if (dryRun) await this.#imagine(bundles);
    else await writeBundles(this.#core, bundles);
    for (const { judged } of bundles) for (const one of judged) this.#count(one);
    if (erase) await this.#erase(bundles, source);
  }

  async #erase(bundles: readonly Bundle[], source: SettingsSource): Promise<void> {
    const { report } = this;
    if (this.#settings.dryRun) {
      for (const { verdict } of bundles.flatMap(({ judged }) => judged)) {
        if (verdict !== 'migrated' && verdict !== 'unchanged') continue;
        report.erased++;
        report.plaintextRemaining--;
      }
      return;
    }
    const erasures = new Map<SettingsDocument, { id: unknown; fields: Record<string, unknown> }>();
    for (const { document, key, original } of await readBack(this.#core, bundles)) {
      const erasure = erasures.get(document) ?? { id: document.id, fields: {} };
      erasure.fields[key] = original;
      erasures.set(document, erasure);
    }
    const list: SettingsErasure[] = [...erasures.values()];
    const gone = (await source.erase(list)).reduce((sum, fields) => sum + fields.length, 0);
    report.erased += gone;
    report.plaintextRemaining -= gone;
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

  #count({ item, verdict, reason = '' }: Judged): void {
    const { report } = this;
    const { tenantId, provider, field, source } = item;
    const where = { tenantId, provider, field, source };
    if (verdict === 'failed') {
      this.#fail({ ...where, reason });
      return;
    }
    report.plaintextRemaining++;
    if (verdict === 'conflict') {
      report.conflictCount++;
      note(report.conflicts, { ...where, reason });
      return;
    }
    report[verdict]++;
    if (verdict === 'migrated' && isOddlyFormed(this.#core, item)) {
      report.warningCount++;
      note(report.warnings, { ...where, reason: 'the value does not have the expected form' });
    }
  }

  #fail(failure: MigrationReport['failed'][number]): void {
    this.report.plaintextRemaining++;
    this.report.failedCount++;
    note(this.report.failed, failure);
  }
}

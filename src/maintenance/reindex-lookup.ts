import { abortError, auditSubject } from '../core/audited.ts';
import { isLookupField, lookupKeys, parseEntry } from '../core/lookup.ts';
import { openVersion, sealFields } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { lookupAfter, writeMany } from '../core/write.ts';
import { recordErrorCodeOrThrow, VaultError } from '../errors.ts';
import { isReserved } from '../names.ts';
import type { FieldMap } from '../providers/fields.ts';
import {
  currentVersion,
  decodeRecord,
  lookupEntries,
  type RecordView,
  refKey,
  type SecretRecord,
} from '../record.ts';
import type { StoreWrite } from '../stores/secret-store.ts';
import { forEachRecord, retryUnavailable } from './batches.ts';
import type { LongOperationOptions, OperationIssue } from './long-operation.ts';

/**
 * What `reindexLookup` did. It holds counts and ids, never a value.
 *
 * @public
 */
export interface ReindexReport {
  /** Records gone through. */
  scanned: number;
  /** Records whose digests were written anew; in a dry run, that would be. */
  indexed: number;
  /** Records that had the right digests, or that others deleted meanwhile. */
  upToDate: number;
  /** Records that others kept on changing: run it again. */
  changed: number;
  /** Records that could not be opened, and were left as they are. */
  failedCount: number;
  /** The first 1,000 of them. */
  failed: OperationIssue[];
}

// A write that loses its race is planned again, from the record that the other writer left.
const MAX_ATTEMPTS = 8;

/** Does the work of `reindexLookup`. @internal */
export async function reindexRecords(
  core: VaultCore,
  options: LongOperationOptions,
): Promise<ReindexReport> {
  if (lookupKeys(core).length === 0) {
    throw new VaultError('ERR_KEY_MISSING', 'There is no key for lookups: set `lookupKey`.');
  }
  return forEachRecord(core, options, {
    emptyReport: (): ReindexReport => ({
      scanned: 0,
      indexed: 0,
      upToDate: 0,
      changed: 0,
      failedCount: 0,
      failed: [],
    }),
    handle: async (batch, report) => {
      const views = batch.filter(({ ref }) => !isReserved(ref.provider));
      report.scanned = views.length;
      await reindexBatch(core, options, views, report);
    },
  });
}

async function reindexBatch(
  core: VaultCore,
  options: LongOperationOptions,
  batch: readonly RecordView[],
  report: ReindexReport,
): Promise<void> {
  let views = batch;
  for (let attempt = 0; views.length > 0; attempt++) {
    const plans = await Promise.all(views.map((view) => plan(core, options, view, report)));
    const due = plans.filter((write) => write !== undefined);
    if (options.dryRun || attempt === MAX_ATTEMPTS) {
      report[options.dryRun ? 'indexed' : 'changed'] += due.length;
      return;
    }
    if (options.signal?.aborted) throw abortError(options.signal);
    const writes = due.map((write) => ({
      write,
      subject: auditSubject('reindex', write.record, options),
    }));
    const done = await writeMany(core, writes);
    const lost = due.filter((_, at) => !done[at]).map(({ record }) => record);
    report.indexed += due.length - lost.length;
    const again = await retryUnavailable(options, () => core.store.getMany(lost));
    report.upToDate += lost.length - new Set(again.map(refKey)).size; // deleted meanwhile
    views = again.map(decodeRecord);
  }
}

/** The record with the right digests, sealed anew [R6]; `undefined` where it has them. */
async function plan(
  core: VaultCore,
  options: LongOperationOptions,
  view: RecordView,
  report: ReindexReport,
): Promise<StoreWrite | undefined> {
  const { ref, record, metadata, etag } = view;
  try {
    const { fields } = await openVersion(core, ref, currentVersion(view), 'accept');
    const lookup = await missingLookup(core, view, fields, 'ours');
    if (lookup === undefined) {
      report.upToDate++;
      return undefined;
    }
    // As in a rotation: a new revision of the same content, without a version in the history.
    const rev = view.rev + 1;
    const { data, keyId } = await sealFields(core, ref, rev, fields);
    const { lookup: _earlier, ...kept } = metadata;
    const next: SecretRecord = {
      ...record,
      data,
      metadata: { ...kept, rev, keyId, ...(lookup.length > 0 && { lookup }) },
    };
    return { record: next, expected: etag, stored: record };
  } catch (error) {
    report.failedCount++;
    report.failed.push({ ...ref, reason: recordErrorCodeOrThrow(error) });
    await core.trail.failed(auditSubject('reindex', ref, options), error);
    return undefined;
  }
}

/**
 * The digests that a record with these fields should have; `undefined` where it has them.
 *
 * @param keep - whether a digest made with a key that is not known here is as good as ours
 * @internal
 */
export async function missingLookup(
  core: VaultCore,
  view: RecordView,
  fields: FieldMap,
  keep: 'foreign' | 'ours',
): Promise<readonly string[] | undefined> {
  const definition = core.registry.find(view.ref.provider);
  const looking = lookupAfter(core, view.ref, definition, view, fields, fields);
  if (looking === undefined) return undefined;
  const all = (await looking) ?? [];
  const known = new Set(lookupKeys(core).map(({ id }) => id));
  const right = all.filter((entry) => {
    const { field, keyId } = parseEntry(entry);
    return keep === 'foreign' || known.has(keyId) || !isLookupField(definition, field);
  });
  const stored = [...lookupEntries(view)].sort();
  return stored.join('\n') === right.join('\n') ? undefined : right;
}

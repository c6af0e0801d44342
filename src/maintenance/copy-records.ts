import { isDeepStrictEqual } from 'node:util';
import { isDate } from 'node:util/types';
import { abortError } from '../core/audited.ts';
import { invalidArgument, isVaultError } from '../errors.ts';
import { isLease, isReserved } from '../names.ts';
import { decodeRecord, type RecordView, refKey, type SecretRef } from '../record.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import { batchSettings, forEachRecord, retryUnavailable } from './batches.ts';
import {
  type LongOperationOptions,
  OperationError,
  type OperationIssue,
} from './long-operation.ts';
import { addTally } from './report.ts';

/**
 * Options of `copyRecords`.
 *
 * @public
 */
export interface CopyOptions extends Omit<LongOperationOptions, 'actor'> {
  /**
   * Deletes at the target what the source does not have, or has no longer. Use it only for a target
   * that holds nothing but the copy.
   *
   * @defaultValue `false`: such records are reported in `onlyAtTarget`
   */
  readonly deleteMissing?: boolean;
}

/**
 * What `copyRecords` did. It holds counts and ids, never a value. Records of the library itself are
 * copied, and not counted.
 *
 * @public
 */
export interface CopyReport {
  /** Records gone through at the source in the first pass. */
  scanned: number;
  /** Records that the first pass has written at the target; in a dry run, that it would write. */
  copied: number;
  /** Records that the first pass has found at the target: the same version, or a newer one. */
  upToDate: number;
  /** Records that the second pass has written, because they had changed since the first. */
  caughtUp: number;
  /** Records that the target cannot keep. */
  failedCount: number;
  /** The first 1,000 of them. */
  failed: OperationIssue[];
  /** Records that were the same at the source and the target in the end. */
  verified: number;
  /** Records that differed in the end: newer at the target, or changed at the source once more. */
  differentCount: number;
  /** The first 1,000 of them. */
  different: OperationIssue[];
  /** Records that only the target has: deleted at the source meanwhile, or never there. */
  onlyAtTargetCount: number;
  /** The first 1,000 of them. */
  onlyAtTarget: OperationIssue[];
  /** Records of that kind that were deleted at the target, with `deleteMissing`. */
  deleted: number;
  /**
   * Whether the target was found to be the same as the source, in the whole `range` and `part`: no
   * record failed, differed, or was at the target only. `false` after a dry run, and where `after`
   * was given.
   */
  complete: boolean;
}

const MAX_ATTEMPTS = 8;
const AFTER = /^([123])\.(.*)/s;

type Handle = (batch: RecordView[], part: CopyReport) => Promise<void>;

/** Does the work of `copyRecords`. @internal */
export async function copyStore(
  from: SecretStore,
  to: SecretStore,
  options: CopyOptions,
): Promise<CopyReport> {
  for (const store of [from, to]) {
    if (typeof store?.scan !== 'function' || typeof store.putMany !== 'function') {
      throw invalidArgument('copyRecords needs two stores, the source and the target.');
    }
  }
  if (from === to) throw invalidArgument('The source and the target are the same store.');
  const { dryRun } = batchSettings(options);
  const { after, ...rest } = options;
  const parts = AFTER.exec(after ?? '1.');
  if (parts === null) {
    throw invalidArgument('after must be a text that an OperationError of this operation held.');
  }
  const [, first = '', place = ''] = parts;
  const passes: Record<number, [store: SecretStore, handle: Handle]> = {
    1: [from, (batch, part) => copyBatch(to, options, batch, part, 'copied')],
    ...(!dryRun && { 2: [from, (batch, part) => copyBatch(to, options, batch, part, 'caughtUp')] }),
    3: [to, (batch, part) => verifyBatch(from, to, options, batch, part)],
  };
  const report = emptyReport();
  const add = (pass: string, part: CopyReport) => {
    addTally(report, { ...part, scanned: pass === '1' ? part.scanned : 0 });
  };
  for (const [pass, [store, handle]] of Object.entries(passes)) {
    if (pass < first) continue;
    const resumed = pass === first && place !== '' ? { after: place } : {};
    try {
      add(pass, await forEachRecord({ store }, { ...rest, ...resumed }, { emptyReport, handle }));
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      add(pass, error.report as CopyReport);
      const begun = error.after !== undefined || pass !== '1';
      throw new OperationError(report, begun ? `${pass}.${error.after ?? ''}` : after, error.cause);
    }
  }
  const { failedCount, differentCount, onlyAtTargetCount } = report;
  const isSame = failedCount + differentCount + onlyAtTargetCount === 0;
  report.complete = isSame && !dryRun && after === undefined;
  return report;
}

function emptyReport(): CopyReport {
  return {
    scanned: 0,
    copied: 0,
    upToDate: 0,
    caughtUp: 0,
    failedCount: 0,
    failed: [],
    verified: 0,
    differentCount: 0,
    different: [],
    onlyAtTargetCount: 0,
    onlyAtTarget: [],
    deleted: 0,
    complete: false,
  };
}

/** Writes at the target what is older there, or missing. Each write is a compare-and-set. */
async function copyBatch(
  to: SecretStore,
  options: CopyOptions,
  batch: readonly RecordView[],
  part: CopyReport,
  counter: 'copied' | 'caughtUp',
): Promise<void> {
  const { dryRun = false, signal } = options;
  const sent = new Set<RecordView>();
  let views = batch.filter(({ ref }) => !isLease(ref.provider));
  part.scanned += views.filter(isCounted).length;
  for (let attempt = 1; views.length > 0; attempt++) {
    const stored = await readAll(to, options, views, true);
    const due = views.flatMap((view) => {
      const target = stored.get(refKey(view.ref));
      if (target === undefined || isNewer(view, target)) {
        const expected = target?.etag ?? null;
        return [{ view, write: { record: view.record, expected, stored: target?.record } }];
      }
      const isOurs = sent.has(view) && isSame(view, target); // its answer was lost
      if (isOurs) count(view, part, counter);
      else if (counter === 'copied') count(view, part, 'upToDate');
      return [];
    });
    if (signal?.aborted) throw abortError(signal);
    if (dryRun) for (const { view } of due) count(view, part, counter);
    // What others keep on changing at the target is for the verification to find.
    if (dryRun || due.length === 0 || attempt > MAX_ATTEMPTS) return;
    for (const { view } of due) sent.add(view);
    const results = await putAll(
      to,
      due.map(({ write }) => write),
      attempt === MAX_ATTEMPTS,
    );
    views = due.flatMap(({ view }, at) => {
      const result = results[at];
      if (result === true) count(view, part, counter);
      if (result instanceof Error) fail(view, part, counter, result);
      return result === false ? [view] : [];
    });
  }
}

type Writes = Parameters<SecretStore['putMany']>[0];

/** @returns for each write whether it was done, or the error because of which it cannot be. */
async function putAll(
  to: SecretStore,
  writes: Writes,
  isLast: boolean,
): Promise<(boolean | Error)[]> {
  const whether = (error: unknown): boolean | Error => {
    if (isVaultError(error, 'ERR_STORE_FAILED')) return error;
    if (isVaultError(error, 'ERR_STORE_UNAVAILABLE') && !isLast) return false; // read again
    throw error;
  };
  try {
    return await to.putMany(writes);
  } catch (error) {
    if (whether(error) === false) return writes.map(() => false);
  }
  // One record that cannot be kept must not keep the others from being copied.
  const results: (boolean | Error)[] = [];
  for (const write of writes) {
    const writing = to.putMany([write]).then(([done = false]) => done);
    results.push(await writing.catch(whether));
  }
  return results;
}

/** Compares what the target has with the source. */
async function verifyBatch(
  from: SecretStore,
  to: SecretStore,
  options: CopyOptions,
  batch: readonly RecordView[],
  part: CopyReport,
): Promise<void> {
  const { dryRun = false, deleteMissing = false, signal } = options;
  const views = batch.filter(({ ref }) => !isLease(ref.provider));
  part.scanned += views.filter(isCounted).length;
  const source = await readAll(from, options, views);
  for (const view of views) {
    const original = source.get(refKey(view.ref));
    if (original === undefined) {
      if (signal?.aborted) throw abortError(signal);
      const isDeleted = deleteMissing && !dryRun && (await to.delete(view.ref, view.etag));
      if (isDeleted) count(view, part, 'deleted');
      else report(view, part, 'onlyAtTarget', 'the source does not have it');
    } else if (isSame(view, original)) {
      count(view, part, 'verified');
    } else if (!isNewer(original, view)) {
      report(view, part, 'different', 'the target has a newer version, or one of its own');
    } else if (!dryRun) {
      report(view, part, 'different', 'it was changed at the source meanwhile');
    }
  }
}

async function readAll(
  store: SecretStore,
  options: CopyOptions,
  views: readonly RecordView[],
  history = false,
): Promise<Map<string, RecordView>> {
  const refs: SecretRef[] = views.map(({ ref }) => ref);
  const read = () => store.getMany(refs, { history });
  const records = await retryUnavailable(options, read);
  return new Map(records.map((record) => [refKey(record), decodeRecord(record)]));
}

/** By all of the data: what was damaged at the target may still have the same etag. */
function isSame(a: RecordView, b: RecordView): boolean {
  return isDeepStrictEqual(a.data, b.data);
}

/**
 * Whether a version of a record is newer than another one. A record keeps `createdAt` as long as it
 * lives, and its revision only grows; one that was deleted and made anew was created later. The old
 * system keeps neither, and writes to the source only.
 */
function isNewer(a: RecordView, b: RecordView): boolean {
  if (isSame(a, b)) return false;
  const [createdA, createdB] = [createdAt(a), createdAt(b)];
  if (createdA !== createdB) return createdA > createdB;
  return a.rev > b.rev || a.rev + b.rev === 0;
}

function createdAt({ metadata }: RecordView): number {
  const time = isDate(metadata.createdAt) ? metadata.createdAt.getTime() : Number.NaN;
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time; // of the old system
}

const isCounted = ({ ref }: RecordView) => !isReserved(ref.provider); // [R8]

function count(
  view: RecordView,
  part: CopyReport,
  counter: 'copied' | 'caughtUp' | 'upToDate' | 'verified' | 'deleted',
): void {
  if (isCounted(view)) part[counter]++;
}

function report(
  view: RecordView,
  part: CopyReport,
  list: 'failed' | 'different' | 'onlyAtTarget',
  reason: string,
): void {
  if (!isCounted(view)) return;
  part[`${list}Count`]++;
  part[list].push({ ...view.ref, reason });
}

/** The second pass tries again what the first one could not write, and reports it. */
function fail(view: RecordView, part: CopyReport, counter: string, error: Error): void {
  if (counter === 'copied') return;
  if (!isCounted(view)) throw error; // no report would tell
  report(view, part, 'failed', 'ERR_STORE_FAILED');
}

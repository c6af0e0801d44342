import { createHash } from 'node:crypto';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { untilAborted } from '../core/audited.ts';
import { assertOptions } from '../core/options.ts';
import { untilEnded } from '../core/until-ended.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument, isVaultError } from '../errors.ts';
import { decodeRecord, type RecordView, type SecretRecord, type SecretRef } from '../record.ts';
import { compareRefs, compareText } from '../stores/order.ts';
import type { ScanRange } from '../stores/secret-store.ts';
import { type LongOperationOptions, OperationError, type OperationPart } from './long-operation.ts';
import { addTally, type Report } from './report.ts';

// A batch that takes long holds back the results of those behind it, so that reports are in order.
// So many results per batch under way are kept at most.
const MAX_PENDING_PER_SLOT = 16;
// With `maxPerSecond`: small batches make an even pace.
const BATCHES_PER_SECOND = 10;
const MAX_PAUSE_MS = 2 ** 31 - 1;
const MAX_RETRIES = 6;
const FIRST_RETRY_MS = 50;

/** Reads what follows `after`, a text of `placeOf`, in batches of at most `batchSize`. @internal */
export type ReadBatches<T> = (after: string | undefined, batchSize: number) => AsyncIterable<T[]>;

/** How the batches of one operation are handled. @internal */
export interface BatchHandling<T, R extends Report> {
  /** A report with nothing in it. */
  emptyReport(): R;
  /**
   * Deals with one batch, and counts it in `part`, an empty report of its own. Parts are added up in
   * the order of the batches, also those of a batch that failed half-way.
   */
  handle(batch: T[], part: R): Promise<void>;
  /**
   * The place of an item in the order of reading, as text: `after` of an `OperationError`. Without
   * it the reader cannot go on in the middle: nothing is resumed.
   */
  placeOf?(item: T): string;
  /** The tenant of an item, for the options `part` and `range`. */
  tenantOf(item: T): string | undefined;
  /** Batches that have one of these in common are handled one after the other, in their order. */
  keyOf?(item: T): string | undefined;
  /** About how many items there are, for the progress. */
  total?(): Promise<number | undefined>;
}

/** A batch that is not in the report yet. */
interface Pending<R> {
  readonly place: string | undefined;
  readonly keys: ReadonlySet<string | undefined>;
  readonly part: R;
  end: Promise<void>;
  done: boolean;
}

/**
 * The runner of all long operations. It reads ahead, handles up to `concurrency` batches at once,
 * and adds up the report. When the reader loses its connection, it is opened again where it was.
 *
 * Operations on records use {@link forEachRecord}; a migration passes a reader of its sources.
 *
 * @returns the report
 * @throws OperationError with the report so far; VaultError `ERR_INVALID_ARGUMENT` for the options
 * @internal
 */
export async function forEachBatch<T, R extends Report>(
  read: ReadBatches<T>,
  options: LongOperationOptions,
  handling: BatchHandling<T, R>,
): Promise<R> {
  const { batchSize, concurrency } = batchSettings(options);
  const { signal, part, range, maxPerSecond, onProgress, onIssue } = options;
  const { emptyReport, handle, keyOf, placeOf, tenantOf } = handling;
  const report = emptyReport();
  const started = performance.now();
  const pending: Pending<R>[] = [];
  const underway = new Set<Promise<void>>();
  let { after } = options;
  let done = 0;
  let total: number | undefined;
  let failure: { error: unknown } | undefined;

  const isOwn = (item: T) => {
    const tenantId = tenantOf(item);
    return (!part || isInPart(tenantId, part)) && (!range || isInRange(tenantId, range));
  };
  const collect = ({ part }: Pending<R>) => {
    addTally(report, part);
    if (onIssue === undefined) return;
    for (const [list, issues] of Object.entries(part)) {
      if (Array.isArray(issues)) for (const issue of issues) onIssue(issue, list);
    }
  };
  const run = async (entry: Pending<R>, batch: T[]) => {
    const before = pending.filter(({ keys }) => haveCommon(keys, entry.keys));
    pending.push(entry);
    try {
      if (before.length > 0) await Promise.all(before.map(({ end }) => end));
      if (failure !== undefined) return;
      if (batch.length > 0) await handle(batch, entry.part);
      if (!pending.includes(entry)) return; // the operation was aborted, and did not wait for it
      entry.done = true;
      done += entry.part.scanned;
      for (let first = pending[0]; first?.done; first = pending[0]) {
        pending.shift();
        collect(first);
        after = first.place;
      }
      const rate = (done / (performance.now() - started)) * 1000;
      onProgress?.({ done, rate, ...(total !== undefined && { total }) });
    } catch (error) {
      failure ??= { error };
    }
  };
  const reader = readResuming(read, batchSize, options, placeOf);
  const runAll = async () => {
    let due = performance.now();
    let reading = reader.next();
    for (let read = await reading; !read.done; read = await reading) {
      const { items, place } = read.value;
      reading = reader.next();
      reading.catch(() => {}); // thrown when it is awaited
      // The request for the next batch leaves before this batch takes the processor.
      await setImmediate();
      const batch = part || range ? items.filter(isOwn) : items;
      if (maxPerSecond !== undefined) {
        // A pause that came from elsewhere is made up for by one batch at most.
        const share = (batch.length / maxPerSecond) * 1000;
        due = Math.max(due, performance.now() - share) + share;
        // A longer time than Node can wait would be none.
        await sleep(Math.min(due - performance.now(), MAX_PAUSE_MS), undefined, { signal });
      }
      if (failure !== undefined) throw failure.error;
      const keys = new Set(keyOf && batch.map(keyOf));
      keys.delete(undefined);
      const entry = { place, keys, part: emptyReport(), end: Promise.resolve(), done: false };
      entry.end = run(entry, batch).finally(() => underway.delete(entry.end));
      underway.add(entry.end);
      while (
        underway.size >= concurrency ||
        (underway.size > 0 && pending.length >= concurrency * MAX_PENDING_PER_SLOT)
      ) {
        await Promise.race(underway);
      }
    }
    await Promise.all(underway);
    if (failure !== undefined) throw failure.error;
  };
  const isWhole = (options.after ?? range ?? part) === undefined;
  // Counting takes a database long: the work does not wait for it, and goes on without it.
  if (isWhole && onProgress) {
    handling.total?.().then(
      (count) => {
        total = count;
      },
      () => {},
    );
  }
  try {
    await untilAborted(signal, runAll);
    return report;
  } catch (error) {
    failure ??= { error }; // no further batch begins
    reader.return().catch(() => {}); // not awaited: it waits for a read that hangs
    // Nothing is written any more after these, unless the store hangs.
    await untilEnded(Promise.all(underway), signal).catch(() => {});
    for (const entry of pending.splice(0)) {
      try {
        collect(entry);
      } catch {} // of `onIssue`: the error that came first is thrown
    }
    throw new OperationError(report, after, error);
  }
}

/**
 * {@link forEachBatch} over the records of a vault's store, each decoded once. Reserved records [R8]
 * are among them: `handle` deals with them, and leaves them out of what it returns. The store itself
 * keeps to `range`, which may begin and end in the middle of a tenant.
 *
 * @internal
 */
export async function forEachRecord<R extends Report>(
  { store }: Pick<VaultCore, 'store'>,
  options: LongOperationOptions,
  { emptyReport, handle }: Pick<BatchHandling<RecordView, R>, 'emptyReport' | 'handle'>,
): Promise<R> {
  batchSettings(options); // malformed ones are rejected before anything begins
  const { range, ...rest } = options;
  if (rest.after !== undefined) refAt(rest.after);
  const read: ReadBatches<SecretRecord> = (place, batchSize) => {
    const after = place === undefined ? range?.after : laterOf(refAt(place), range?.after);
    return store.scan({ ...range, ...(after && { after }), batchSize });
  };
  return forEachBatch(read, rest, {
    emptyReport,
    handle: (batch, part) => handle(batch.map(decodeRecord), part),
    placeOf: ({ tenantId, provider }) =>
      Buffer.from(JSON.stringify([tenantId, provider])).toString('base64url'),
    tenantOf: ({ tenantId }) => tenantId,
    ...(!range && { total: async () => store.count?.() }),
  });
}

/** A place may lie before the range, when it is of a run over another one. */
function laterOf(place: SecretRef, start?: SecretRef): SecretRef {
  return start && compareRefs(start, place) > 0 ? start : place;
}

/** The address that a place of {@link forEachRecord} stands for. */
function refAt(place: string): SecretRef {
  try {
    const [tenantId, provider, ...rest] = JSON.parse(Buffer.from(place, 'base64url').toString());
    if (typeof tenantId === 'string' && typeof provider === 'string' && rest.length === 0) {
      return { tenantId, provider };
    }
  } catch {}
  throw invalidArgument('after must be a text that an OperationError of this operation held.');
}

interface BatchSettings {
  readonly batchSize: number;
  readonly concurrency: number;
  readonly dryRun: boolean;
}

/** The checked settings of a long operation. @internal */
export function batchSettings(options: LongOperationOptions): BatchSettings {
  assertOptions(options);
  const { batchSize = 100, concurrency = 4, dryRun = false, maxPerSecond, part, range } = options;
  const { onProgress, onIssue } = options;
  for (const [name, value] of Object.entries({ batchSize, concurrency })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw invalidArgument(`${name} must be a positive integer.`);
    }
  }
  if (maxPerSecond !== undefined && !(Number.isFinite(maxPerSecond) && maxPerSecond > 0)) {
    throw invalidArgument('maxPerSecond must be a positive number.');
  }
  if (options.after !== undefined && typeof options.after !== 'string') {
    throw invalidArgument('after must be a string.');
  }
  if (typeof dryRun !== 'boolean') throw invalidArgument('dryRun must be a boolean.');
  for (const [name, call] of Object.entries({ onProgress, onIssue })) {
    if (call !== undefined && typeof call !== 'function') {
      throw invalidArgument(`${name} must be a function.`);
    }
  }
  if (part !== undefined) {
    const { index, of } = part ?? {};
    const whole = Number.isSafeInteger(index) && Number.isSafeInteger(of);
    if (!whole || index < 0 || index >= of || of > 2 ** 32) {
      throw invalidArgument('part must be { index, of } with integers, and 0 <= index < of.');
    }
  }
  if (range !== undefined) {
    if (!isRange(range)) {
      throw invalidArgument('range must be { after?, until? }, each { tenantId, provider }.');
    }
    const { after, until } = range;
    if (after && until && compareRefs(after, until) > 0) {
      throw invalidArgument('range.after must not come behind range.until.');
    }
  }
  const perBatch = Math.max(1, Math.floor((maxPerSecond ?? Infinity) / BATCHES_PER_SECOND));
  return { batchSize: Math.min(batchSize, perBatch), concurrency, dryRun };
}

/** Reads all batches; after a lost connection it goes on behind the last item that it has read. */
async function* readResuming<T>(
  read: ReadBatches<T>,
  batchSize: number,
  options: LongOperationOptions,
  placeOf: ((item: T) => string) | undefined,
): AsyncGenerator<{ items: T[]; place: string | undefined }, void> {
  let { after } = options;
  let begun = false;
  for (let failures = 1; ; failures++) {
    try {
      for await (const items of read(after, batchSize)) {
        const last = items.at(-1);
        if (last === undefined) continue;
        after = placeOf?.(last);
        begun = after !== undefined;
        failures = 0;
        yield { items, place: after };
      }
      return;
    } catch (error) {
      if (!begun) throw error;
      await pauseOrThrow(error, failures, options);
    }
  }
}

/**
 * Runs `work`, and runs it again after a pause while the store is unavailable, for six seconds and
 * the time-outs of the store.
 *
 * @internal
 */
export async function retryUnavailable<T>(
  options: LongOperationOptions,
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      await pauseOrThrow(error, failures, options);
    }
  }
}

async function pauseOrThrow(error: unknown, failures: number, { signal }: LongOperationOptions) {
  const again = isVaultError(error, 'ERR_STORE_UNAVAILABLE') && failures <= MAX_RETRIES;
  if (!again) throw error;
  await sleep(FIRST_RETRY_MS * 2 ** failures, undefined, { signal });
}

// Anything but a range would pass for the whole.
function isRange(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(([name, bound]) => {
    const { tenantId, provider } = bound ?? {};
    const isRef = typeof tenantId === 'string' && typeof provider === 'string';
    return (name === 'after' || name === 'until') && (isRef || bound === undefined);
  });
}

/**
 * Whether what is kept once for a tenant belongs to a range of records: the tenant stands before its
 * records. So it belongs to exactly one of the ranges of a `split`.
 */
function isInRange(tenantId = '', { after, until }: ScanRange): boolean {
  return (
    (after === undefined || compareText(tenantId, after.tenantId) > 0) &&
    (until === undefined || compareText(tenantId, until.tenantId) <= 0)
  );
}

function isInPart(tenantId = '', { index, of }: OperationPart): boolean {
  const digest = createHash('sha256').update(tenantId).digest();
  return digest.reduce((remainder, byte) => (remainder * 256 + byte) % of, 0) === index;
}

function haveCommon<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  for (const key of one) if (other.has(key)) return true;
  return false;
}

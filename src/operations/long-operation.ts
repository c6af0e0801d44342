import { invalidArgument } from '../errors.ts';

/**
 * Options of the operations that go through a whole collection.
 *
 * @public
 */
export interface LongOperationOptions {
  /** Stops between two batches; what was done stays done, and the operation rejects. */
  readonly signal?: AbortSignal;
  /** Called after each batch. */
  readonly onProgress?: (progress: OperationProgress) => void;
  /** Documents or records that are read and written at once. @defaultValue 100 */
  readonly batchSize?: number;
  /** Batches under way at once. @defaultValue 4 */
  readonly concurrency?: number;
  /** Writes nothing, and reports what would be done. @defaultValue `false` */
  readonly dryRun?: boolean;
}

/**
 * How far a long operation is.
 *
 * @public
 */
export interface OperationProgress {
  /** Documents or records gone through. */
  readonly done: number;
  /** How many there were at the start, where that is known. */
  readonly total?: number;
  /** Gone through per second, on the average so far. */
  readonly rate: number;
}

/**
 * A record, or a field of it, that a long operation could not deal with. It holds no value.
 *
 * @public
 */
export interface OperationIssue {
  /** Whose, if that could be told. */
  readonly tenantId: string | undefined;
  readonly provider: string | undefined;
  /** The field, where the issue is about one. */
  readonly field?: string;
  /** Where it was found: the name of the source and the id of the document. */
  readonly source?: string;
  /** A code of `VaultError`, or a few words. */
  readonly reason: string;
  /** The key that the record names, where it is not configured. */
  readonly keyId?: string;
}

/** A report names so many of each kind, and counts the rest. */
const MAX_LISTED = 1000;

/**
 * What a report consists of: counts, by any names, and lists.
 *
 * @internal
 */
export type Tally = { [name: string]: number | string | boolean | readonly unknown[] | Tally };

/** Adds the counts and the lists of one batch to those of the whole. @internal */
export function addTally(whole: object, part: object): void {
  const sums = whole as Tally;
  for (const [name, value] of Object.entries(part) as [string, Tally[string]][]) {
    const sum = sums[name];
    if (typeof value === 'number') {
      sums[name] = ((sum as number | undefined) ?? 0) + value;
    } else if (Array.isArray(value)) {
      const list = sum as unknown[];
      list.push(...value.slice(0, MAX_LISTED - list.length));
    } else if (typeof value === 'object') {
      const inner = (sum as Tally | undefined) ?? {};
      sums[name] = inner;
      addTally(inner, value);
    }
  }
}

/** @internal */
export interface BatchSettings {
  readonly batchSize: number;
  readonly concurrency: number;
  readonly dryRun: boolean;
}

/** The checked settings of a long operation. @internal */
export function batchSettings(options: LongOperationOptions): BatchSettings {
  const { batchSize = 100, concurrency = 4, dryRun = false } = options;
  for (const [name, value] of Object.entries({ batchSize, concurrency })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw invalidArgument(`${name} must be a positive integer.`);
    }
  }
  return { batchSize, concurrency, dryRun };
}

/**
 * What reports call the key of a record. `metadata` may hold anything: not every text is a name that
 * an object can have.
 *
 * @internal
 */
export function keyNameOf(keyId: unknown): string {
  if (typeof keyId !== 'string') return 'none';
  return keyId in Object.prototype ? `(${keyId})` : keyId;
}

/** How the batches of one operation are handled. @internal */
export interface BatchHandling<T, R> {
  handle(batch: T[]): Promise<R>;
  /** Called with what `handle` gave, in the order of the batches: reports do not depend on timing. */
  collect(result: R): void;
  /** Batches that have one of these in common are handled one after the other, in their order. */
  keyOf?(item: T): string | undefined;
  readonly total?: number | undefined;
}

/**
 * Handles batches, at most `concurrency` at once.
 *
 * @internal
 */
export async function forEachBatch<T, R>(
  batches: AsyncIterable<T[]>,
  options: LongOperationOptions,
  { handle, collect, keyOf, total }: BatchHandling<T, R>,
): Promise<void> {
  const { concurrency } = batchSettings(options);
  const { signal, onProgress } = options;
  const underway = new Map<Promise<unknown>, ReadonlySet<unknown>>();
  const started = performance.now();
  let done = 0;
  let collected: Promise<void> = Promise.resolve();

  const run = async (batch: T[], before: Promise<unknown>[]) => {
    await Promise.all(before);
    const result = await handle(batch);
    done += batch.length;
    const rate = (done / (performance.now() - started)) * 1000;
    onProgress?.({ done, rate, ...(total !== undefined && { total }) });
    return result;
  };
  try {
    for await (const batch of batches) {
      signal?.throwIfAborted();
      const keys = new Set(keyOf === undefined ? [] : batch.map(keyOf));
      keys.delete(undefined);
      const before = [...underway].filter(([, others]) => [...keys].some((key) => others.has(key)));
      const handled = run(
        batch,
        before.map(([other]) => other),
      );
      collected = Promise.all([handled, collected]).then(([result]) => collect(result));
      collected.catch(() => {}); // awaited below
      underway.set(handled, keys);
      while (underway.size >= concurrency) underway.delete((await firstOf(underway)).handled);
    }
    await collected;
  } finally {
    // Whatever happened: nothing is written any more once this returns.
    await Promise.allSettled(underway.keys());
  }
}

function firstOf(underway: ReadonlyMap<Promise<unknown>, unknown>) {
  return Promise.race([...underway.keys()].map((handled) => handled.then(() => ({ handled }))));
}

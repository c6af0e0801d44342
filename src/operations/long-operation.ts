import { invalidArgument, isVaultError } from '../errors.ts';
import type { SecretRef } from '../record/ref.ts';

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

/** A report names so many of each kind, and counts the rest. @internal */
export const MAX_LISTED = 1000;

/** Notes an issue, if the list is not full. @internal */
export function note(list: OperationIssue[], issue: OperationIssue): void {
  if (list.length < MAX_LISTED) list.push(issue);
}

/** Why something failed, in a form that may be printed. @internal */
export function reasonOf(error: unknown): string {
  if (isVaultError(error)) return error.code;
  throw error; // not about this record: a store that is down, or a mistake of ours
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
 * Gives each batch to `handle`, at most `concurrency` at once. Batches of which `keysOf` names the
 * same key are handled one after the other, in their order.
 *
 * @internal
 */
export async function forEachBatch<T>(
  batches: AsyncIterable<T[]>,
  options: LongOperationOptions,
  handle: (batch: T[]) => Promise<void>,
  total?: number,
  keysOf: (item: T) => string = () => '',
): Promise<void> {
  const { concurrency } = batchSettings(options);
  const { signal, onProgress } = options;
  const underway = new Set<{ keys: Set<string>; done: Promise<void> }>();
  const started = performance.now();
  let done = 0;

  const run = async (batch: T[], before: Promise<void>[]) => {
    await Promise.all(before);
    await handle(batch);
    done += batch.length;
    const rate = (done / (performance.now() - started)) * 1000;
    onProgress?.({ done, rate, ...(total !== undefined && { total }) });
  };
  try {
    for await (const batch of batches) {
      signal?.throwIfAborted();
      const keys = new Set(batch.map(keysOf).filter((key) => key !== ''));
      const before = [...underway].filter((other) => [...keys].some((key) => other.keys.has(key)));
      const entry = {
        keys,
        done: run(
          batch,
          before.map((other) => other.done),
        ),
      };
      entry.done.catch(() => {}); // awaited below
      underway.add(entry);
      while (underway.size >= concurrency) await settleOne(underway);
    }
    while (underway.size > 0) await settleOne(underway);
  } finally {
    // Whatever happened: nothing is written any more once this returns.
    await Promise.allSettled([...underway].map((entry) => entry.done));
  }
}

async function settleOne(underway: Set<{ done: Promise<void> }>): Promise<void> {
  const first = await Promise.race([...underway].map((entry) => entry.done.then(() => entry)));
  underway.delete(first as never);
}

/** The address of a record, as the key of a map; no name holds a newline. @internal */
export function addressOf({ tenantId, provider }: SecretRef): string {
  return `${tenantId}\n${provider}`;
}

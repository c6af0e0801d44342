import { isVaultError, VaultError } from '../errors.ts';
import type { ScanRange } from '../stores/secret-store.ts';

/**
 * Options of the operations that go through a whole collection.
 *
 * @public
 */
export interface LongOperationOptions {
  /**
   * Stops the operation: it starts no further batch, waits half a second at most for those under
   * way, and rejects with an {@link OperationError}. What was done stays done.
   */
  readonly signal?: AbortSignal;
  /** Called after each batch. */
  readonly onProgress?: (progress: OperationProgress) => void;
  /**
   * Called for every issue, also for those beyond the first 1,000 that the report lists.
   *
   * @param list - the report's list that the issue belongs to, such as `failed`
   */
  readonly onIssue?: (issue: OperationIssue, list: string) => void;
  /** Documents or records that are read and written at once. @defaultValue 100 */
  readonly batchSize?: number;
  /** Batches under way at once. @defaultValue 4 */
  readonly concurrency?: number;
  /** Writes nothing, and reports what would be done. @defaultValue `false` */
  readonly dryRun?: boolean;
  /**
   * Documents or records per second, at most: an even pace, which begins with a pause rather than a
   * burst. With `part` each process has its own pace.
   *
   * @defaultValue no limit
   */
  readonly maxPerSecond?: number;
  /**
   * Only these addresses: one of the ranges that `split` of a store has returned. What is kept once for
   * a tenant, its old settings or its data key, belongs to the range in which the tenant's first record
   * is or would be. A migration reads all settings all the same, as they are not in that order.
   *
   * @defaultValue all
   */
  readonly range?: ScanRange;
  /** Go on after this place: `after` of the {@link OperationError} that ended an earlier run. */
  readonly after?: string;
  /** This process's share of the tenants. @defaultValue all */
  readonly part?: OperationPart;
  /** Who runs it, for the audit trail; at most 1,024 characters. */
  readonly actor?: string;
}

/**
 * One of `of` shares of a long operation, for processes that share it without talking to each
 * other. A tenant belongs to the share whose `index` is SHA-256(tenantId), read as one big-endian
 * number of 256 bits, modulo `of`. Each process reads all records, and handles those of its share;
 * `range` avoids the reading.
 *
 * @public
 */
export interface OperationPart {
  /** From 0 to `of` - 1. */
  readonly index: number;
  /** How many shares there are, from 1 to 2^32. */
  readonly of: number;
}

/**
 * How far a long operation is.
 *
 * @public
 */
export interface OperationProgress {
  /** Documents or records gone through, of the own `part` and `range`. */
  readonly done: number;
  /**
   * About how many there were at the start; absent until they are counted, where the source does not
   * count them, and with `part`, `range` or `after`.
   */
  readonly total?: number;
  /** Gone through per second, on the average so far. */
  readonly rate: number;
}

/**
 * A record, or a part of it, that a long operation could not deal with. It holds no value.
 *
 * @public
 */
export interface OperationIssue {
  /** The tenant; `undefined` where it could not be told. */
  readonly tenantId: string | undefined;
  readonly provider: string | undefined;
  /** The field, where the issue is about one. */
  readonly field?: string;
  /** The revision of the earlier version, where the issue is about one. */
  readonly rev?: number;
  /** Where it was found: the name of the source and the id of the document. */
  readonly source?: string;
  /** A code of `VaultError`, or a few words. */
  readonly reason: string;
  /** The key that the record names, where it is not configured. */
  readonly keyId?: string;
}

/**
 * A long operation that was aborted or failed, with what it did until then. `code` and `message`
 * are those of the cause; for an aborted one `code` is `ERR_ABORTED` and `name` is `AbortError`.
 *
 * @public
 */
export class OperationError<R = unknown> extends VaultError {
  /** The report so far. With several batches under way it may count more than lies before `after`. */
  readonly report: R;
  /**
   * Everything up to this place is done: pass it as the option `after` to go on. `undefined`: begin
   * anew. It is opaque text.
   */
  readonly after: string | undefined;

  /** @internal */
  constructor(report: R, after: string | undefined, cause: unknown) {
    const known = isVaultError(cause) ? cause : undefined;
    super(
      known?.code ?? 'ERR_STORE_FAILED',
      known?.message ?? 'The operation ended with an unexpected error; see its cause.',
      { cause },
    );
    this.report = report;
    this.after = after;
    if (known?.code === 'ERR_ABORTED') Object.defineProperty(this, 'name', { value: 'AbortError' });
  }
}

Object.defineProperty(OperationError.prototype, 'name', {
  value: 'OperationError',
  writable: true,
});

import { invalidArgument } from '../errors.ts';
import { describeType } from '../record/ref.ts';

/**
 * Options of a read.
 *
 * @public
 */
export interface ReadOptions {
  /** Who asks, for the audit trail. */
  readonly actor?: string;
  /** Why, for the audit trail. */
  readonly reason?: string;
}

/**
 * Options of a write.
 *
 * @public
 */
export interface WriteOptions extends ReadOptions {
  /** Write only if the record has this revision; 0: only if there is none. */
  readonly expectedRev?: number;
  /** Who writes: kept in `metadata.updatedBy` and in the audit trail. */
  readonly actor?: string;
  /** Stops the retries of a contended write. */
  readonly signal?: AbortSignal;
}

/** @internal */
export function assertOptions(options: WriteOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(`The options must be an object, not ${describeType(options)}.`);
  }
  const { expectedRev, actor, reason, signal } = options;
  if (expectedRev !== undefined && !(Number.isSafeInteger(expectedRev) && expectedRev >= 0)) {
    throw invalidArgument('expectedRev must be 0 or a positive integer.');
  }
  for (const text of [actor, reason]) {
    if (text !== undefined && typeof text !== 'string') {
      throw invalidArgument('actor and reason must be strings.');
    }
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument('signal must be an AbortSignal.');
  }
}

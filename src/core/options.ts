import { invalidArgument } from '../errors.ts';
import { describeType } from '../names.ts';

/**
 * Options of a read.
 *
 * @public
 */
export interface ReadOptions {
  /** Who asks, for the audit trail; at most 1,024 characters, without U+0000. */
  readonly actor?: string;
  /** Why, for the audit trail; at most 1,024 characters, without U+0000. */
  readonly reason?: string;
  /**
   * Ends the call at once with `ERR_ABORTED`, even while the store does not answer. A write that was
   * already sent to the store may still be done.
   */
  readonly signal?: AbortSignal;
}

/**
 * Options of a write.
 *
 * @public
 */
export interface WriteOptions extends ReadOptions {
  /**
   * The etag that the stored record must still have; `null`: there must be no record. Otherwise the
   * write is `ERR_CONFLICT`. Leave it out to write whatever is stored; an explicit `undefined` is
   * rejected, because a lost etag must not turn into an unconditional write.
   */
  readonly ifMatch?: string | null;
  /** Who writes: kept in `metadata.updatedBy` and in the audit trail. */
  readonly actor?: string;
}

const MAX_TEXT_LENGTH = 1024;

/** @throws VaultError `ERR_INVALID_ARGUMENT` @internal */
export function assertOptions(options: WriteOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalidArgument(`The options must be an object, not ${describeType(options)}.`);
  }
  const { ifMatch, actor, reason, signal } = options;
  if ('ifMatch' in options && typeof ifMatch !== 'string' && ifMatch !== null) {
    throw invalidArgument(`ifMatch must be an etag or null, not ${describeType(ifMatch)}.`);
  }
  for (const text of [actor, reason]) {
    if (text !== undefined && !isAuditText(text)) {
      throw invalidArgument(
        `actor and reason must be strings of at most ${MAX_TEXT_LENGTH} characters, without U+0000.`,
      );
    }
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument('signal must be an AbortSignal.');
  }
}

/** Whether a caller's `actor` or `reason` may go into the audit trail. @internal */
export function isAuditText(text: unknown): text is string {
  // PostgreSQL cannot store U+0000.
  return typeof text === 'string' && text.length <= MAX_TEXT_LENGTH && !text.includes('\0');
}

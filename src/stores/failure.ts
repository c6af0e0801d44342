/**
 * Node's codes of sockets and name resolution, after which the same call may succeed. Drivers rethrow
 * the error of a pooled connection that broke before it was used again, as it is.
 *
 * @internal
 */
export const BROKEN_CONNECTION =
  /^(ECONN(RESET|REFUSED|ABORTED)|EPIPE|ENOTCONN|ETIMEDOUT|ETIMEOUT|E(HOST|NET)(UNREACH|DOWN)|ENOTFOUND|EAI_AGAIN|ESERVFAIL|EREFUSED|ERR_STREAM_(DESTROYED|PREMATURE_CLOSE|WRITE_AFTER_END)|ERR_SOCKET_CLOSED)$/;

const MAX_CAUSES = 5;

/** What may be known of an error that a driver throws. @internal */
export interface ErrorFacts {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  /** In the error of MongoDB's bulk write: the error that ended it. */
  readonly errorResponse?: unknown;
}

/** An error and what caused it, outermost first. @internal */
export function withCauses<T extends ErrorFacts>(error: unknown): T[] {
  const errors: T[] = [];
  let next = error;
  while (typeof next === 'object' && next !== null && errors.length < MAX_CAUSES) {
    const { cause, errorResponse } = next as ErrorFacts;
    errors.push(next as T);
    next = errorResponse instanceof Error ? errorResponse : cause;
  }
  return errors;
}

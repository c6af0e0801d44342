import { isVaultError, VaultError } from '../errors.ts';

// Errors after which the same call may succeed: the server could not be reached, or it is not (or
// no longer) the primary. Numbers as in MongoDB's error_codes.yml.
const UNAVAILABLE_NAMES =
  /^Mongo(Network|NetworkTimeout|ServerSelection|NotConnected|TopologyClosed|PoolCleared|PoolClosed|WaitQueueTimeout|OperationTimeout|ClientClosed|ServerClosed)Error$/;
const UNAVAILABLE_CODES = new Set([
  6, 7, 89, 91, 189, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436,
]);

const DUPLICATE_KEY = 11000;

interface DriverError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly codeName?: unknown;
  readonly message?: unknown;
  /** Of a bulk write: what failed. */
  readonly errorResponse?: unknown;
}

/** @internal */
export function isDuplicateKey(error: unknown): boolean {
  return (error as DriverError | undefined)?.code === DUPLICATE_KEY;
}

/**
 * A driver's error as `VaultError`. The cause names the driver's error and its code, and keeps the
 * message only where it is about the connection: a server's message may quote the document.
 *
 * @internal
 */
export function storeError(error: unknown, operation: string): VaultError {
  if (isVaultError(error)) return error;
  const { errorResponse } = (error ?? {}) as DriverError;
  // A bulk write wraps what failed, as the loss of the connection.
  const failure = errorResponse instanceof Error ? errorResponse : error;
  const { name, code, codeName, message } = (failure ?? {}) as DriverError;
  const unavailable =
    (typeof name === 'string' && UNAVAILABLE_NAMES.test(name)) ||
    (typeof code === 'number' && UNAVAILABLE_CODES.has(code));
  const what = [name ?? 'an unknown error', code, codeName].filter(Boolean).join(' ');
  const cause = new Error(unavailable ? String(message) : what);
  cause.name = String(name);
  return new VaultError(
    unavailable ? 'ERR_STORE_UNAVAILABLE' : 'ERR_STORE_FAILED',
    `MongoDB: ${operation} failed (${what}).`,
    { cause },
  );
}

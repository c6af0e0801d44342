import { isVaultError, VaultError } from '../errors.ts';
import { BROKEN_CONNECTION, type ErrorFacts, withCauses } from '../stores/failure.ts';

// Errors after which the same call may succeed: the server could not be reached, did not answer in
// time, is not (or no longer) the primary, or has lost or killed the cursor (43, 175, 237). Numbers as
// in MongoDB's error_codes.yml.
const UNAVAILABLE_NAMES =
  /^(Mongo)?(Network|NetworkTimeout|ServerSelection|NotConnected|TopologyClosed|PoolCleared|PoolClearedOnNetwork|PoolClosed|StalePrimary|WaitQueueTimeout|OperationTimeout|ClientClosed|ServerClosed)Error$/;
const UNAVAILABLE_CODES = new Set<unknown>([
  6, 7, 43, 50, 64, 89, 91, 112, 134, 175, 189, 202, 237, 262, 317, 384, 9001, 10058, 10107, 11600,
  11602, 13435, 13436,
]);
const DUPLICATE_KEY = 11000;
const UNAUTHORIZED = 13;
const NAMESPACE_NOT_FOUND = 26;
// FerretDB answers the second one for an array.
const PATH_NOT_VIABLE_CODES = new Set<unknown>([28, 2]);
// FerretDB answers these when several processes create a collection or an index at the same time.
const CREATION_RACE_CODES = new Set<unknown>([1, 48, 112]);

interface DriverError extends ErrorFacts {
  readonly codeName?: unknown;
}

const codeOf = (error: unknown) => (error as DriverError | undefined)?.code;

/** @internal */
export const isDuplicateKey = (error: unknown) => codeOf(error) === DUPLICATE_KEY;

/** @internal */
export const isUnauthorized = (error: unknown) => codeOf(error) === UNAUTHORIZED;

/** Whether an update named a member of something that is not an object. @internal */
export const isPathNotViable = (error: unknown) => PATH_NOT_VIABLE_CODES.has(codeOf(error));

/** Whether the collection does not exist; the driver has no code for it. @internal */
export const isNamespaceNotFound = (error: unknown) =>
  codeOf(error) === NAMESPACE_NOT_FOUND || (error as DriverError)?.name === 'MongoAPIError';

/** Whether a command failed because another process creates the same thing. @internal */
export const isCreationRace = (error: unknown) => CREATION_RACE_CODES.has(codeOf(error));

/**
 * Turns a driver's error into a `VaultError`. The cause names the driver's error and its code. It
 * keeps the message only if that came from the driver or from Node: a server's message may quote
 * the document.
 *
 * @internal
 */
export function storeError(error: unknown, operation: string): VaultError {
  if (isVaultError(error)) return error;
  const errors = withCauses<DriverError>(error);
  const unavailable = errors.find(isUnavailable);
  const { name, code, codeName, message } = unavailable ?? errors[0] ?? {};
  const what = [name ?? 'an unknown error', code, codeName].filter(Boolean).join(' ');
  const quotesServer = unavailable === undefined || typeof code === 'number';
  const cause = new Error(quotesServer ? what : String(message));
  cause.name = String(name);
  return new VaultError(
    unavailable ? 'ERR_STORE_UNAVAILABLE' : 'ERR_STORE_FAILED',
    `MongoDB: ${operation} failed (${what}).`,
    { cause },
  );
}

function isUnavailable({ name, code }: DriverError): boolean {
  return (
    (typeof name === 'string' && UNAVAILABLE_NAMES.test(name)) ||
    (typeof code === 'string' && BROKEN_CONNECTION.test(code)) ||
    UNAVAILABLE_CODES.has(code)
  );
}

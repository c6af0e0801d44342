import { isVaultError, VaultError } from '../errors.ts';
import { BROKEN_CONNECTION, type ErrorFacts, withCauses } from '../stores/failure.ts';

// SQLSTATEs after which the same call may succeed: no connection (08), too little of something (53),
// the server shuts down or starts (57P), a time-out (57014, 55P03, 25P03), a standby that was the
// primary (25006), a conflict of transactions (40).
const UNAVAILABLE_STATES = /^(08|53|57P|40)...?$|^(57014|55P03|25P03|25006)$/;
const SQLSTATE = /^[0-9A-Z]{5}$/;
// Prisma's codes: no server, a time-out, a closed connection, none free.
const PRISMA_UNAVAILABLE = /^P(1001|1002|1008|1017|2024)$/;
// Codes of postgres.js, and messages of pg and PGlite, which give no code.
const UNAVAILABLE_CODES = /^CONNECT(ION_(CLOSED|ENDED|DESTROYED)|_TIMEOUT)$/;
const UNAVAILABLE_MESSAGES =
  /^(Connection terminated|Client (has encountered a connection error|was closed)|timeout exceeded|timeout expired|Query read timeout|Cannot use a pool after calling end|PGlite is closed)/i;

interface DriverError extends ErrorFacts {
  /** Of Prisma's error for a raw query: the server's. */
  readonly meta?: { readonly code?: unknown };
}

/** The SQLSTATE of a server's answer; `undefined` where no server has answered. @internal */
export function sqlState(error: unknown): string | undefined {
  const codes = withCauses<DriverError>(error).flatMap(({ code, meta }) => [meta?.code, code]);
  return codes.find(
    (code): code is string =>
      typeof code === 'string' && SQLSTATE.test(code) && !PRISMA_UNAVAILABLE.test(code),
  );
}

/** Whether a statement did nothing because of another one at the same time. @internal */
export const isSerializationFailure = (error: unknown) =>
  /^40(001|P01)$/.test(sqlState(error) ?? '');

/**
 * Turns a driver's error into a `VaultError`, whose cause names the error and its code. Messages are
 * kept only where Node made them: others may quote the statement and its values.
 *
 * @internal
 */
export function storeError(error: unknown, operation: string, table: string): VaultError {
  if (isVaultError(error)) return error;
  const errors = withCauses<DriverError>(error);
  const state = sqlState(error);
  const unavailable = errors.find(isUnavailable);
  const { name, code, message } = unavailable ?? errors[0] ?? {};
  const what = [name ?? 'an unknown error', state ?? code].filter(Boolean).join(' ');
  const fromNode = typeof code === 'string' && BROKEN_CONNECTION.test(code);
  const cause = Object.assign(new Error(fromNode ? String(message) : what), {
    code: state ?? code,
  });
  cause.name = String(name);
  const todo =
    state === '42P01'
      ? ` The table ${table} does not exist: call \`await store.init()\`, or run the SQL of \`schema()\` as a migration.`
      : '';
  return new VaultError(
    unavailable ? 'ERR_STORE_UNAVAILABLE' : 'ERR_STORE_FAILED',
    `PostgreSQL: ${operation} failed (${what}).${todo}`,
    { cause },
  );
}

function isUnavailable(error: DriverError): boolean {
  const { code, message, meta } = error;
  const codes = [code, meta?.code].filter((code) => typeof code === 'string');
  if (codes.some((code) => UNAVAILABLE_STATES.test(code) || PRISMA_UNAVAILABLE.test(code))) {
    return true;
  }
  if (codes.some((code) => BROKEN_CONNECTION.test(code) || UNAVAILABLE_CODES.test(code))) {
    return true;
  }
  return codes.length === 0 && typeof message === 'string' && UNAVAILABLE_MESSAGES.test(message);
}

import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { isVaultError, type VaultErrorCode } from 'provider-vault';
import { HttpError } from './http-error.ts';

// The one place where errors of the vault become HTTP. The compiler asks for every code.
const STATUS: Readonly<Record<VaultErrorCode, number>> = {
  // The user can do something about it.
  ERR_INVALID_ARGUMENT: 400,
  ERR_SECRET_NOT_FOUND: 404,
  ERR_NOT_CONFIGURED: 409,
  ERR_CONFLICT: 409,
  // The provider said no, or could not be reached.
  ERR_PROVIDER: 502,
  ERR_STORE_UNAVAILABLE: 503,
  ERR_ABORTED: 503,
  ERR_KEY_UNAVAILABLE: 503,
  ERR_LEASE_TIMEOUT: 503,
  ERR_REFRESH_FAILED: 502,
  // The operator has to do something about it.
  ERR_STORE_FAILED: 500,
  ERR_KEY_MISSING: 500,
  ERR_KEY_INVALID: 500,
  ERR_KEY_UNKNOWN: 500,
  ERR_KEY_ERASED: 409,
  ERR_MALFORMED: 500,
  ERR_DECRYPTION_FAILED: 500,
  ERR_BINDING: 500,
  ERR_UNBOUND: 500,
  ERR_ENV_INCOMPLETE: 500,
  ERR_PEER_MISSING: 500,
};

// How long to wait where a provider has had too many requests: as it says, within reason.
const USUAL_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 3_600_000;

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | undefined>>;
  readonly retryAfter?: number;
}

/** The last middleware: every error becomes `{ error: { code, message, fields } }`. */
export function errorHandler(log: Logger): ErrorRequestHandler {
  return (error, _request, response, next) => {
    const { status, retryAfter, ...body } = answerTo(error);
    if (status >= 500) log.error(loggable(error));
    if (response.headersSent) return next(error);
    if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
    response.status(status).json({ error: body });
  };
}

/**
 * What may be logged of an error. A message of a vault error holds no value; of any other error only
 * the kind is logged: an SDK, a driver or a parser may quote its input.
 */
export function loggable(error: unknown) {
  if (isVaultError(error)) return { code: error.code, reason: error.message };
  return { kind: error instanceof Error ? error.name : typeof error };
}

export function answerTo(error: unknown): Answer {
  if (error instanceof HttpError) {
    const { status, code, message, fields } = error;
    return { status, code, message, fields };
  }
  if (isVaultError(error, 'ERR_PROVIDER') && error.status === 429) {
    const wait = Math.min(error.retryAfterMs ?? USUAL_WAIT_MS, LONGEST_WAIT_MS);
    const retryAfter = Math.ceil(wait / 1000);
    return { status: 429, code: error.code, message: error.message, retryAfter };
  }
  if (isVaultError(error)) {
    const status = STATUS[error.code];
    const forUser = status < 500 || status === 502;
    const message = forUser ? error.message : operatorMessage(status);
    return { status, code: error.code, message };
  }
  return answerToMiddleware(error);
}

// body-parser and csrf-csrf throw errors with a status.
function answerToMiddleware(error: unknown): Answer {
  const { status, code } = (error ?? {}) as { status?: unknown; code?: unknown };
  if (code === 'EBADCSRFTOKEN') {
    return { status: 403, code: 'CSRF', message: 'This page is out of date. Reload it.' };
  }
  if (status === 413) return { status, code: 'TOO_LARGE', message: 'The request is too large.' };
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return { status, code: 'BAD_REQUEST', message: 'The request could not be read.' };
  }
  return { status: 500, code: 'INTERNAL', message: operatorMessage(500) };
}

function operatorMessage(status: number): string {
  return status === 503
    ? 'The database does not answer. Try again in a moment.'
    : 'Something is wrong on our side. It has been logged.';
}

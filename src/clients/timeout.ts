import { invalidArgument } from '../errors.ts';

/** Milliseconds that a request to a provider may take. @internal */
export const DEFAULT_TIMEOUT_MS = 30_000;

const MAX_TIMEOUT_MS = 2 ** 31 - 1; // of a timer

/** @throws VaultError `ERR_INVALID_ARGUMENT` @internal */
export function assertTimeout(timeoutMs: unknown): void {
  if (timeoutMs === undefined) return;
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw invalidArgument(`timeoutMs must be a number from 1 to ${MAX_TIMEOUT_MS}.`);
  }
}

/**
 * A configuration of axios that ends the whole request in time. The option `timeout` of axios ends only
 * a request during which nothing is received.
 *
 * @internal
 */
export function withDeadline<T extends object>(config: T, timeoutMs: number): T {
  return { ...config, signal: AbortSignal.timeout(timeoutMs) };
}

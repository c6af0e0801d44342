import { setTimeout as sleep } from 'node:timers/promises';

const MAX_RETRIES = 3;

/**
 * The attempts of one call to a provider. An answer 429 with a `Retry-After` is tried again when that
 * time has passed, at most three times and within the time-out of the call. Nothing else is tried
 * again: a send that got no answer may have been carried out.
 *
 * @internal
 */
export class Attempts {
  readonly #end: number;
  #retries = 0;

  constructor(timeoutMs: number) {
    this.#end = performance.now() + timeoutMs;
  }

  /** Whether an attempt follows another. */
  get isRetry(): boolean {
    return this.#retries > 0;
  }

  /** Milliseconds until the call must have ended. */
  get remainingMs(): number {
    return Math.max(1, Math.ceil(this.#end - performance.now()));
  }

  /** Waits as an answer 429 demands; `false` at once where the call cannot be tried again. */
  async waitAfter429(headers: unknown): Promise<boolean> {
    const ms = retryAfterMs(headers);
    if (ms === undefined || ms >= this.remainingMs || this.#retries >= MAX_RETRIES) return false;
    this.#retries++;
    await sleep(ms);
    return true;
  }
}

/** Milliseconds to wait, as `Retry-After` says: seconds, or a date [RFC 9110 §10.2.3]. @internal */
export function retryAfterMs(headers: unknown): number | undefined {
  const found = Object.entries(headers ?? {}).find(([name]) => /^retry-after$/i.test(name));
  const value = String(found?.[1] ?? '').trim();
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  // Date.parse takes "1.5" for a day of 2001.
  const ms = /^[A-Z][a-z]+day,|^[A-Z][a-z]{2}[ ,]/.test(value)
    ? Date.parse(value) - Date.now()
    : NaN;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/**
 * How a stand-in treats a coming request instead of answering it normally.
 *
 * At least one of `status`, `delayMs`, `hang` and `drop` is needed. `hang` and `drop` come before
 * `status`. With `delayMs` alone the request is answered normally, late.
 *
 * @public
 */
export interface StandInFailure {
  /** HTTP status to answer with, 400 to 599. The request is not carried out. */
  readonly status?: number;
  /** Twilio's error code. Default: the usual one for `status`, as 20429 for 429. SendGrid has none. */
  readonly code?: number;
  /** Message in the error's body. Default: the provider's usual one for `status`. */
  readonly message?: string;
  /** More response headers, as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds to wait before answering or dropping. Default 0. */
  readonly delayMs?: number;
  /** Never answer; the connection stays open until the client or `close()` ends it. */
  readonly hang?: boolean;
  /** Close the connection without an answer: the client sees a reset. */
  readonly drop?: boolean;
  /** How many requests this applies to. Default 1. */
  readonly times?: number;
}

/**
 * Failures to come, first planned, first used.
 *
 * @internal
 */
export class FailurePlan {
  readonly #planned: { readonly failure: StandInFailure; left: number }[] = [];

  /** @throws TypeError for a failure that says nothing, or a number out of range */
  add(failure: StandInFailure): void {
    const { status, delayMs, hang, drop, times = 1 } = failure;
    if (status === undefined && delayMs === undefined && !hang && !drop) {
      throw new TypeError('A failure needs one of status, delayMs, hang and drop.');
    }
    if (status !== undefined && !(Number.isInteger(status) && status >= 400 && status <= 599)) {
      throw new TypeError('The status of a failure must be 400 to 599.');
    }
    if (delayMs !== undefined && !(delayMs >= 0 && Number.isFinite(delayMs))) {
      throw new TypeError('delayMs must be 0 or more.');
    }
    if (!(Number.isInteger(times) && times >= 1)) {
      throw new TypeError('times must be a whole number, 1 or more.');
    }
    this.#planned.push({ failure, left: times });
  }

  /** The failure for the request now at hand, if one is planned. */
  take(): StandInFailure | undefined {
    const next = this.#planned[0];
    if (next === undefined) return undefined;
    next.left -= 1;
    if (next.left === 0) this.#planned.shift();
    return next.failure;
  }

  clear(): void {
    this.#planned.length = 0;
  }
}

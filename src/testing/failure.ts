/**
 * How a stand-in treats a request instead of answering it as usual.
 *
 * Set at least one of `status`, `delayMs`, `hang` and `drop`. `hang` and `drop` take precedence over
 * `status`. With `delayMs` alone, the request is carried out and the answer is late.
 *
 * @public
 */
export interface StandInFailure {
  /** HTTP status to answer with, 400 to 599. The request is not carried out. */
  readonly status?: number;
  /** Twilio's error code. Default: the usual one for `status`, for example 20429 for 429. */
  readonly code?: number;
  /** The field that SendGrid's error names. Default: none. */
  readonly field?: string;
  /** Message in the error's body. Default: the provider's usual one for `status`. */
  readonly message?: string;
  /** Additional response headers, for example `{ 'retry-after': '1' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds to wait before the answer or the drop. Default 0. */
  readonly delayMs?: number;
  /** Never answer; the connection stays open until the client or `close()` ends it. */
  readonly hang?: boolean;
  /** Close the connection without an answer: the client sees a reset. */
  readonly drop?: boolean;
  /** How many requests fail in this way. Default 1. */
  readonly times?: number;
}

/** The failures to come, in the order they were planned. @internal */
export class FailurePlan {
  readonly #planned: { readonly failure: StandInFailure; left: number }[] = [];

  /** @throws TypeError for a failure that says nothing, or a number out of range */
  add(failure: StandInFailure): void {
    const { status = 400, delayMs = 0, hang, drop, times = 1 } = failure;
    if (failure.status === undefined && failure.delayMs === undefined && !hang && !drop) {
      throw new TypeError('A failure needs one of status, delayMs, hang and drop.');
    }
    const isStatus = Number.isInteger(status) && status >= 400 && status <= 599;
    if (
      !isStatus ||
      !(delayMs >= 0 && delayMs < 2 ** 31) ||
      !(Number.isInteger(times) && times > 0)
    ) {
      throw new TypeError('A failure needs a status of 400 to 599, delayMs ≥ 0 and times ≥ 1.');
    }
    this.#planned.push({ failure, left: times });
  }

  /** The failure planned for the current request, if any. */
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

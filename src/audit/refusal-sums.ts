const WINDOW_MS = 60_000;
const MAX_WINDOWS = 1_000;
/** Stands for the tenant once more tenants are refused at a time than are counted separately. */
const MANY_TENANTS = '*';

/** Refusals of the same action, tenant and provider are summed up. */
interface Refusal {
  readonly action: string;
  readonly tenantId: string;
  readonly provider: string;
}

interface Window<R> {
  last: R;
  /** Refusals since the last record. */
  count: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Sums up refusals that an unauthenticated caller can cause, so that a flood of them does not bury the
 * audit trail. The first refusal of a tenant is recorded at once, and the following ones once a minute,
 * with their count.
 *
 * @internal
 */
export class RefusalSums<R extends Refusal> {
  readonly #windows = new Map<string, Window<R>>();
  readonly #record: (refusal: R, count: number) => Promise<void>;

  /** @param record - must not throw */
  constructor(record: (refusal: R, count: number) => Promise<void>) {
    this.#record = record;
  }

  async add(refusal: R): Promise<void> {
    const window = this.#windows.get(windowKey(refusal));
    if (window !== undefined) {
      window.last = refusal;
      window.count++;
      return;
    }
    // Tenant ids may come from a webhook's URL: random ones must not make an event each.
    if (this.#windows.size >= MAX_WINDOWS && refusal.tenantId !== MANY_TENANTS) {
      return this.add({ ...refusal, tenantId: MANY_TENANTS });
    }
    this.#open(refusal);
    await this.#record(refusal, 1);
  }

  /** Records the refusals that are not recorded yet. */
  async flush(): Promise<void> {
    const windows = [...this.#windows.values()];
    this.#windows.clear();
    for (const { last, count, timer } of windows) {
      clearTimeout(timer);
      if (count > 0) await this.#record(last, count);
    }
  }

  #open(refusal: R): void {
    const key = windowKey(refusal);
    const timer = setTimeout(() => void this.#end(key), WINDOW_MS).unref();
    this.#windows.set(key, { last: refusal, count: 0, timer });
  }

  /**
   * A minute with refusals starts the next one, so that a lasting flood leaves one record a minute.
   */
  async #end(key: string): Promise<void> {
    const window = this.#windows.get(key);
    this.#windows.delete(key);
    if (window === undefined || window.count === 0) return;
    this.#open(window.last);
    await this.#record(window.last, window.count);
  }
}

function windowKey({ action, tenantId, provider }: Refusal): string {
  return `${action}\n${tenantId}\n${provider}`;
}

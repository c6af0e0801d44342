const WINDOW_MS = 60_000;
const MAX_TENANTS = 10_000;

/**
 * At most so many operations of a tenant in any minute. It remembers the times of those of the last
 * minute, of at most 10,000 tenants.
 *
 * @internal
 */
export class TenantLimit {
  readonly #perMinute: number;
  readonly #times = new Map<string, number[]>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  /** Counts one; the seconds to wait if it is one too many. */
  take(tenantId: string, now = performance.now()): number | undefined {
    const times = (this.#times.get(tenantId) ?? []).filter((at) => at > now - WINDOW_MS);
    const [oldest] = times;
    const isFull = times.length >= this.#perMinute;
    if (!isFull) times.push(now);
    this.#times.delete(tenantId); // the map is in the order of use
    this.#times.set(tenantId, times);
    if (this.#times.size > MAX_TENANTS) this.#forgetOldest();
    if (!isFull || oldest === undefined) return undefined;
    return Math.max(1, Math.ceil((oldest + WINDOW_MS - now) / 1000));
  }

  #forgetOldest(): void {
    const [oldest] = this.#times.keys();
    if (oldest !== undefined) this.#times.delete(oldest);
  }
}

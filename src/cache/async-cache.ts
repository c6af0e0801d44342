import { LRUCache } from 'lru-cache';

/**
 * Bounds of an {@link AsyncCache}.
 *
 * @internal
 */
export interface AsyncCacheOptions {
  /** Entries kept; the one not used for longest goes first. */
  readonly max: number;
  /** Milliseconds an entry is served for, from when its load began; without it they do not age. */
  readonly ttlMs?: number;
  /** The clock, in milliseconds. @defaultValue `performance.now`, which never goes back */
  readonly now?: () => number;
}

/**
 * Values that take a call to get. Callers that ask for one at the same time share that call; what
 * is deleted while it is being loaded is not kept.
 *
 * @internal
 */
export class AsyncCache<V extends object> {
  readonly #values: LRUCache<string, V>;
  readonly #loading = new Map<string, Promise<V | undefined>>();
  readonly #now: () => number;

  constructor({ max, ttlMs, now = () => performance.now() }: AsyncCacheOptions) {
    this.#now = () => now() + 1; // never 0, which lru-cache takes for "does not age"
    this.#values = new LRUCache({
      max,
      ...(ttlMs !== undefined && { ttl: ttlMs, ttlResolution: 0, perf: { now: this.#now } }),
    });
  }

  /** What is kept of `key`, without a call. */
  kept(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** The value of `key`; `undefined` and failures of `load` are not kept. */
  async get<T extends V | undefined>(key: string, load: () => Promise<T>): Promise<V | T> {
    const kept = this.kept(key);
    if (kept !== undefined) return kept;
    const underway = this.#loading.get(key);
    if (underway !== undefined) return underway as Promise<T>;

    const start = this.#now();
    const loading: Promise<T> = load()
      .then((value) => {
        if (value !== undefined && this.#loading.get(key) === loading) {
          this.#values.set(key, value, { start });
        }
        return value;
      })
      .finally(() => {
        if (this.#loading.get(key) === loading) this.#loading.delete(key);
      });
    this.#loading.set(key, loading);
    return loading;
  }

  delete(key: string): void {
    this.#values.delete(key);
    this.#loading.delete(key);
  }

  /** Deletes the keys that begin with `prefix`. */
  deleteAll(prefix: string): void {
    for (const key of [...this.#values.keys(), ...this.#loading.keys()]) {
      if (key.startsWith(prefix)) this.delete(key);
    }
  }

  clear(): void {
    this.#values.clear();
    this.#loading.clear();
  }
}

import { LRUCache } from 'lru-cache';

/**
 * Bounds of an {@link AsyncCache}.
 *
 * @internal
 */
export interface AsyncCacheOptions {
  /** Entries kept; the one not used for longest goes first. */
  readonly max: number;
  /** Milliseconds an entry is served for; without it entries do not age. */
  readonly ttlMs?: number;
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

  constructor({ max, ttlMs }: AsyncCacheOptions) {
    this.#values = new LRUCache({ max, ...(ttlMs !== undefined && { ttl: ttlMs }) });
  }

  /** The value of `key`; `undefined` and failures of `load` are not kept. */
  async get<T extends V | undefined>(key: string, load: () => Promise<T>): Promise<V | T> {
    const kept = this.#values.get(key);
    if (kept !== undefined) return kept;
    const underway = this.#loading.get(key);
    if (underway !== undefined) return underway as Promise<T>;

    const loading: Promise<T> = load()
      .then((value) => {
        if (value !== undefined && this.#loading.get(key) === loading) this.#values.set(key, value);
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

  clear(): void {
    this.#values.clear();
    this.#loading.clear();
  }
}

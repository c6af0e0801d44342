/**
 * Bounds of an {@link AsyncCache}.
 *
 * @internal
 */
export interface AsyncCacheOptions {
  /** Entries kept; the least recently used goes first. */
  readonly max: number;
  /** Milliseconds an entry is served for, from when its load began; without it they do not age. */
  readonly ttlMs?: number;
  /** The clock, in milliseconds. @defaultValue `performance.now`, which never goes back */
  readonly now?: () => number;
}

interface Entry<V> {
  readonly value: V;
  readonly loadedAt: number;
}

// The longest time of a timer of Node; a longer one would be over at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Values that take a call to get. Callers that ask for one at the same time share that call; a value
 * that is deleted while it is being loaded is not kept. Values that nobody asks for any more are gone
 * after twice their time.
 *
 * @internal
 */
export class AsyncCache<V extends object> {
  // A Map iterates in the order of insertion: an entry that is used moves to its end.
  readonly #entries = new Map<string, Entry<V>>();
  readonly #loading = new Map<string, Promise<V | undefined>>();
  readonly #max: number;
  readonly #ttlMs: number;
  readonly #now: () => number;
  #sweeping: NodeJS.Timeout | undefined;

  constructor({ max, ttlMs = Number.POSITIVE_INFINITY, now }: AsyncCacheOptions) {
    this.#max = max;
    this.#ttlMs = ttlMs;
    this.#now = now ?? (() => performance.now());
  }

  /** The value kept for `key`, without a call. */
  kept(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (this.#isOver(entry)) return undefined;
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** The value of `key`; `undefined` and failures of `load` are not kept. */
  async get<T extends V | undefined>(key: string, load: () => Promise<T>): Promise<V | T> {
    const kept = this.kept(key);
    if (kept !== undefined) return kept;
    const underway = this.#loading.get(key);
    if (underway !== undefined) return underway as Promise<T>;

    const loadedAt = this.#now();
    const loading: Promise<T> = load()
      .then((value) => {
        if (value !== undefined && this.#loading.get(key) === loading) {
          this.#keep(key, { value, loadedAt });
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
    this.#entries.delete(key);
    this.#loading.delete(key);
  }

  /** Deletes the keys that begin with `prefix`. */
  deleteAll(prefix: string): void {
    for (const key of [...this.#entries.keys(), ...this.#loading.keys()]) {
      if (key.startsWith(prefix)) this.delete(key);
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#loading.clear();
  }

  #keep(key: string, entry: Entry<V>): void {
    this.#entries.set(key, entry);
    this.#sweepLater();
    if (this.#entries.size <= this.#max) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  #isOver({ loadedAt }: Entry<V>): boolean {
    const age = this.#now() - loadedAt;
    // A clock that was set back would make an entry live for longer than its time.
    return age < 0 || age > this.#ttlMs;
  }

  #sweepLater(): void {
    if (this.#ttlMs === Number.POSITIVE_INFINITY || this.#entries.size === 0) return;
    this.#sweeping ??= setTimeout(
      () => {
        this.#sweeping = undefined;
        for (const [key, entry] of this.#entries) {
          if (this.#isOver(entry)) this.#entries.delete(key);
        }
        this.#sweepLater();
      },
      Math.min(this.#ttlMs + 1, MAX_TIMER_MS),
    ).unref();
  }
}

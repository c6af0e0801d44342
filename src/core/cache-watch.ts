import { setTimeout as sleep } from 'node:timers/promises';
import type { SecretRef } from '../record.ts';
import type { SecretStore } from '../stores/secret-store.ts';

const RETRY_AFTER_MS = 60_000;
const WAIT_AT_MOST_MS = 1_000;

interface Listeners {
  onChange(ref: SecretRef): void;
  /** Changes may have been missed. */
  onGap(): void;
}

/**
 * Listens to a store's changes from the first read on, where the store reports them. Where it does
 * not, the cache's TTL alone bounds the age of a record.
 *
 * @internal
 */
export class CacheWatch {
  readonly #store: SecretStore;
  readonly #on: Listeners;
  #stop: Promise<(() => Promise<void>) | undefined> | undefined;
  #ready: Promise<unknown> | undefined;
  #retryAt = 0;
  #gap: Promise<void> | undefined;
  #closed = false;

  constructor(store: SecretStore, on: Listeners) {
    this.#store = store;
    this.#on = on;
  }

  /** Whether a cached record may be served: not once closed, nor while the store misses changes. */
  get reliable(): boolean {
    return !this.#closed && this.#gap === undefined;
  }

  /**
   * Begins to listen, unless it does already. It settles when the store reports changes, cannot, or
   * does not answer soon; a read that starts afterwards misses no change. It never throws: reads go
   * on without it.
   */
  async start(): Promise<void> {
    if (this.#ready === undefined) {
      if (this.#closed) return;
      if (performance.now() < this.#retryAt) return;
      this.#stop = this.#listen();
      this.#ready = atMost(this.#stop);
    }
    await this.#ready;
  }

  /** Stops for good. */
  async close(): Promise<void> {
    this.#closed = true;
    const stopped = this.#stop?.then((stop) => stop?.());
    this.#stop = undefined;
    await atMost(stopped); // a watch that does not answer must not keep a process from ending
  }

  async #listen(): Promise<(() => Promise<void>) | undefined> {
    const late = performance.now() + WAIT_AT_MOST_MS;
    try {
      const stop = await this.#store.watch?.(
        (ref) => this.#on.onChange(ref),
        (restored) => this.#missed(restored),
      );
      if (performance.now() >= late) this.#on.onGap(); // reads have not waited for it
      return stop;
    } catch {
      // A server without change streams, or one that is away for now.
      this.#retryAt = performance.now() + RETRY_AFTER_MS;
      this.#ready = undefined;
      return undefined;
    }
  }

  #missed(restored: Promise<void> | undefined): void {
    this.#on.onGap();
    if (restored === undefined) return;
    this.#gap = restored;
    const over = () => {
      if (this.#gap !== restored) return;
      this.#gap = undefined;
      this.#on.onGap(); // whatever was read in the meantime
    };
    restored.then(over, () => {}); // rejected: the store listens no more, so the gap goes on
  }
}

function atMost(work: Promise<unknown> | undefined): Promise<unknown> {
  return Promise.race([work, sleep(WAIT_AT_MOST_MS, undefined, { ref: false })]);
}

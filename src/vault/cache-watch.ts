import { setTimeout as sleep } from 'node:timers/promises';
import type { SecretRef } from '../record/ref.ts';
import type { SecretStore } from '../stores/secret-store.ts';

const RETRY_AFTER_MS = 60_000;
const WAIT_AT_MOST_MS = 1_000;

interface Listeners {
  onChange(ref: SecretRef): void;
  /** Changes may have been missed. */
  onGap(): void;
}

/**
 * Listens to a store's changes from the first read on, where the store can tell of them. Where it
 * cannot, or fails to, the cache's TTL alone bounds how old a record may be.
 *
 * @internal
 */
export class CacheWatch {
  readonly #store: SecretStore;
  readonly #on: Listeners;
  #stop: Promise<(() => Promise<void>) | undefined> | undefined;
  #ready: Promise<unknown> | undefined;
  #retryAt = 0;
  closed = false;

  constructor(store: SecretStore, on: Listeners) {
    this.#store = store;
    this.#on = on;
  }

  /**
   * Begins to listen, unless it does. What is read after this settles is not missed: it settles
   * when the store tells of changes, cannot, or does not answer soon. It never throws: reads go on
   * without it.
   */
  async start(): Promise<void> {
    if (this.#ready === undefined) {
      if (this.closed || this.#store.watch === undefined) return;
      if (performance.now() < this.#retryAt) return;
      this.#stop = this.#listen();
      this.#ready = atMost(this.#stop);
    }
    await this.#ready;
  }

  /** Stops for good. */
  async close(): Promise<void> {
    this.closed = true;
    const stopped = this.#stop?.then((stop) => stop?.());
    this.#stop = undefined;
    await atMost(stopped); // a watch that does not answer must not keep a process from ending
  }

  async #listen(): Promise<(() => Promise<void>) | undefined> {
    const late = performance.now() + WAIT_AT_MOST_MS;
    try {
      const stop = await this.#store.watch?.(
        (ref) => this.#on.onChange(ref),
        () => this.#on.onGap(),
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
}

function atMost(work: Promise<unknown> | undefined): Promise<unknown> {
  return Promise.race([work, sleep(WAIT_AT_MOST_MS, undefined, { ref: false })]);
}

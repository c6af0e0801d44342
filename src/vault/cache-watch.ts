import type { SecretRef } from '../record/ref.ts';
import type { SecretStore } from '../stores/secret-store.ts';

const RETRY_AFTER_MS = 60_000;

/**
 * Listens to a store's changes from the first read on, where the store can tell of them. Where it
 * cannot, or fails to, the cache's TTL alone bounds how old a record may be.
 *
 * @internal
 */
export class CacheWatch {
  readonly #store: SecretStore;
  readonly #on: { onChange(ref: SecretRef): void; onGap(): void };
  #stop: Promise<(() => Promise<void>) | undefined> | undefined;
  #retryAt = 0;
  closed = false;

  constructor(store: SecretStore, on: { onChange(ref: SecretRef): void; onGap(): void }) {
    this.#store = store;
    this.#on = on;
  }

  /** Begins to listen, unless it does. Never throws and never waits: reads go on without it. */
  start(): void {
    if (this.#stop !== undefined || this.closed || performance.now() < this.#retryAt) return;
    if (this.#store.watch === undefined) return;
    this.#stop = this.#listen();
  }

  /** Stops for good. */
  async close(): Promise<void> {
    this.closed = true;
    const stop = await this.#stop;
    this.#stop = undefined;
    await stop?.();
  }

  async #listen(): Promise<(() => Promise<void>) | undefined> {
    try {
      const stop = await this.#store.watch?.(
        (ref) => this.#on.onChange(ref),
        () => this.#on.onGap(),
      );
      this.#on.onGap(); // of what changed before, nobody told
      return stop;
    } catch {
      // A server without change streams, or one that is away for now.
      this.#retryAt = performance.now() + RETRY_AFTER_MS;
      this.#stop = undefined;
      return undefined;
    }
  }
}

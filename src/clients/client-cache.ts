import { LRUCache } from 'lru-cache';
import { AsyncCache } from '../cache/async-cache.ts';

/**
 * Clients by slot (whose client, with which options), each built from one content. A client whose
 * content is no longer the latest one asked for is dropped, so that old credentials leave memory.
 *
 * @internal
 */
export class ClientCache<C extends object> {
  readonly #clients: AsyncCache<C>;
  readonly #latest: LRUCache<string, string>;

  constructor(max: number) {
    this.#clients = new AsyncCache({ max });
    this.#latest = new LRUCache({ max });
  }

  /** The client of `slot` for exactly `content`; callers at the same time share one `build`. */
  get(slot: string, content: string, build: () => Promise<C>): Promise<C> {
    const key = `${slot}\n${content}`;
    const latest = this.#latest.get(slot);
    if (latest !== key) {
      if (latest !== undefined) this.#clients.delete(latest);
      this.#latest.set(slot, key);
    }
    return this.#clients.get(key, build);
  }
}

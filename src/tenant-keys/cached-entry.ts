import type { VaultKey } from '../keys/vault-key.ts';
import type { KeyEntry } from '../stores/key-store.ts';
import { currentKey, isErased, usableKeys } from './entry.ts';

/**
 * A tenant's entry as it was read, or that there was none, and those of its keys that were
 * unwrapped. It is dropped as a whole at the end of its time.
 *
 * @internal
 */
export class CachedEntry {
  readonly tenantId: string;
  /** When its reading began. */
  readonly readAt: number;
  /** The opened keys by id, each as `decryptionKey` returns it. */
  readonly opened = new Map<string, readonly [VaultKey]>();
  /** The key that seals, if it is at hand. */
  sealing: VaultKey | undefined;
  readonly #sealer: VaultKey | undefined;
  #entry: KeyEntry | undefined;
  readonly #underway = new Map<string, Promise<unknown>>();
  #rereading: Promise<void> | undefined;
  #nextRereading: Promise<void> | undefined;

  constructor(
    tenantId: string,
    read: { readAt: number; entry: KeyEntry | undefined; sealer: VaultKey | undefined },
  ) {
    this.tenantId = tenantId;
    this.readAt = read.readAt;
    this.#sealer = read.sealer;
    this.#entry = read.entry;
    this.#setSealing();
  }

  get entry(): KeyEntry | undefined {
    return this.#entry;
  }

  /** Takes a newer entry; opened keys that it still has stay opened. */
  update(entry: KeyEntry | undefined): void {
    this.#entry = entry;
    const ids = new Set(usableKeys(entry).map(({ keyId }) => keyId));
    for (const id of this.opened.keys()) if (!ids.has(id)) this.opened.delete(id);
    this.#setSealing();
  }

  /** Keeps an opened key, unless it was erased meanwhile. */
  keep(key: VaultKey): void {
    if (!usableKeys(this.#entry).some(({ keyId }) => keyId === key.id)) return;
    this.opened.set(key.id, [key]);
    this.#setSealing();
  }

  /** Runs `work`, or shares the run of the same name that is under way. */
  once<T>(name: string, work: () => Promise<T>): Promise<T> {
    const underway = this.#underway.get(name) as Promise<T> | undefined;
    if (underway !== undefined) return underway;
    const running = work().finally(() => this.#underway.delete(name));
    this.#underway.set(name, running);
    return running;
  }

  /**
   * Reads the entry again, by a read that begins after this call: it sees what other processes wrote
   * before. However many ask, one read is under way, and one waits for its end.
   */
  reread(read: () => Promise<KeyEntry | undefined>): Promise<void> {
    if (this.#rereading === undefined) {
      this.#rereading = read()
        .then((entry) => this.update(entry))
        .finally(() => {
          this.#rereading = undefined;
        });
      return this.#rereading;
    }
    this.#nextRereading ??= this.#rereading
      .catch(() => {})
      .then(() => {
        this.#nextRereading = undefined;
        return this.reread(read);
      });
    return this.#nextRereading;
  }

  #setSealing(): void {
    const keyId = currentKey(this.#entry)?.keyId ?? '';
    const own = this.#sealer ?? this.opened.get(keyId)?.[0];
    this.sealing = isErased(this.#entry) ? undefined : own;
  }
}

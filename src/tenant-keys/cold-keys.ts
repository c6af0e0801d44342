import type { AsyncCache } from '../core/async-cache.ts';
import { VaultError } from '../errors.ts';
import type { KeyWrapper } from '../keys/key-wrapper.ts';
import type { VaultKey } from '../keys/vault-key.ts';
import { assertTenantId } from '../names.ts';
import type { KeyEntry, KeyStore } from '../stores/key-store.ts';
import { CachedEntry } from './cached-entry.ts';
import { CALL_MS, withDeadline } from './deadline.ts';
import {
  changeEntry,
  currentKey,
  emptyEntry,
  erasedError,
  isErased,
  keyNumber,
  nextNumber,
  readEntry,
  usableKeys,
} from './entry.ts';
import { KeyWrappers } from './wrappers.ts';

/** What `TenantKeys` were made of. */
interface Parts {
  readonly store: KeyStore;
  readonly wrapper: KeyWrapper;
  /** All of them, by id. */
  readonly wrappers: ReadonlyMap<string, KeyWrapper>;
  readonly cache: AsyncCache<CachedEntry>;
  /** The key of the keyring, while that seals. */
  readonly sealer: VaultKey | undefined;
  /** Names them on the tracing channels. */
  readonly owner: symbol;
}

/**
 * What `TenantKeys` do when a key is not in memory.
 *
 * @internal
 */
export class ColdKeys {
  readonly store: KeyStore;
  readonly wrappers: KeyWrappers;
  readonly #cache: AsyncCache<CachedEntry>;
  readonly #sealer: VaultKey | undefined;

  constructor({ store, wrapper, wrappers, cache, sealer, owner }: Parts) {
    this.store = store;
    this.wrappers = new KeyWrappers(wrapper, wrappers, owner);
    this.#cache = cache;
    this.#sealer = sealer;
  }

  /** The key that seals; it is made if the tenant has no key yet. */
  keyOrNew(tenantId: string): Promise<VaultKey> {
    return answered(async () => {
      const cached = await this.#cached(tenantId);
      return (await this.#sealing(cached)) ?? this.#makeFirst(cached);
    });
  }

  /** The key that seals, if there is one. */
  key(tenantId: string): Promise<VaultKey | undefined> {
    return answered(async () => this.#sealing(await this.#cached(tenantId)));
  }

  /** The key of that id; none where it is not the id of a tenant key. */
  async keyNamed(tenantId: string, keyId: string): Promise<readonly VaultKey[]> {
    const number = keyNumber(keyId);
    return number === undefined ? [] : answered(() => this.#keyNamed(tenantId, keyId, number));
  }

  /** The tenant's entry, at most as old as the cache allows. */
  async entry(tenantId: string): Promise<KeyEntry | undefined> {
    return (await this.#cached(tenantId)).entry;
  }

  /** Makes a fresh key; with `before`, only for a tenant that has one made until then. */
  renew(tenantId: string, before?: Date): Promise<KeyEntry> {
    return answered(() => this.#renew(tenantId, before));
  }

  #cached(tenantId: string): Promise<CachedEntry> {
    return this.#cache.get(tenantId, async () => {
      const readAt = performance.now();
      const entry = await readEntry(this.store, tenantId);
      return new CachedEntry(tenantId, { readAt, entry, sealer: this.#sealer });
    });
  }

  async #sealing(cached: CachedEntry): Promise<VaultKey | undefined> {
    if (isErased(cached.entry)) throw erasedError(cached.tenantId);
    const current = currentKey(cached.entry);
    return cached.sealing ?? (current && (await this.#open(cached, current.keyId))?.[0]);
  }

  async #keyNamed(tenantId: string, keyId: string, number: number): Promise<readonly VaultKey[]> {
    const begun = performance.now();
    const cached = await this.#cached(tenantId);
    const known = await this.#open(cached, keyId);
    if (known !== undefined) return known;
    // Another process may have made it since.
    if (cached.readAt <= begun) await cached.reread(() => readEntry(this.store, tenantId));
    const found = await this.#open(cached, keyId);
    if (found !== undefined) return found;
    if (number <= (cached.entry?.erased?.through ?? 0)) throw erasedError(tenantId);
    throw new VaultError(
      'ERR_KEY_UNKNOWN',
      `The key store has no key ${keyId} of tenant "${tenantId}". If it was restored to an older state, restore a newer one.`,
    );
  }

  /** The key of that id, unwrapped; `undefined` where the entry does not have it. */
  async #open(cached: CachedEntry, keyId: string): Promise<readonly VaultKey[] | undefined> {
    const opened = cached.opened.get(keyId);
    if (opened !== undefined) return opened;
    const stored = usableKeys(cached.entry).find((key) => key.keyId === keyId);
    return (
      stored &&
      cached.once(keyId, async () => {
        const key = await this.wrappers.open(stored, cached.tenantId);
        cached.keep(key);
        return [key];
      })
    );
  }

  /** The tenant's first key, or that of a process that was faster. */
  async #makeFirst(cached: CachedEntry): Promise<VaultKey> {
    const { tenantId } = cached;
    return cached.once('first key', async () => {
      let made: VaultKey | undefined;
      const change = async (stored: KeyEntry | undefined) => {
        made = undefined;
        if (isErased(stored)) throw erasedError(tenantId);
        if (usableKeys(stored).length > 0) return undefined;
        const { entry, key } = await this.#withNewKey(tenantId, stored);
        made = key;
        return entry;
      };
      cached.update(await changeEntry(this.store, tenantId, change, { stored: cached.entry }));
      if (made !== undefined) cached.keep(made);
      return (await this.#sealing(cached)) as VaultKey;
    });
  }

  async #renew(tenantId: string, before: Date | undefined): Promise<KeyEntry> {
    assertTenantId(tenantId);
    let seen: { readonly entry: KeyEntry | undefined } | undefined;
    const entry = await changeEntry(this.store, tenantId, async (stored) => {
      seen ??= { entry: stored };
      const { entry: first } = seen;
      const current = currentKey(stored);
      if (before !== undefined && !(current && current.createdAt <= before)) return undefined;
      // A tombstone that was set meanwhile is not lifted by mistake.
      if (isErased(stored) && !isErased(first)) throw erasedError(tenantId);
      const renewed = current !== undefined && current.number > (first?.current ?? 0);
      if (renewed) return undefined; // by another process, since this call began
      return (await this.#withNewKey(tenantId, stored)).entry;
    });
    this.#cache.delete(tenantId);
    return entry as KeyEntry;
  }

  async #withNewKey(tenantId: string, stored = emptyEntry(tenantId)) {
    const { key, stored: added } = await this.wrappers.make(tenantId, nextNumber(stored));
    const keys = [...stored.keys, added];
    return { key, entry: { ...stored, current: added.number, keys } };
  }
}

function answered<T>(work: () => Promise<T>): Promise<T> {
  return withDeadline('The key of a tenant', work, CALL_MS);
}

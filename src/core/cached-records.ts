import { VaultError } from '../errors.ts';
import { isReserved } from '../names.ts';
import {
  decodeRecord,
  type RecordView,
  refKey,
  type SecretRecord,
  type SecretRef,
} from '../record.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import { AsyncCache, type AsyncCacheOptions } from './async-cache.ts';
import { CacheWatch } from './cache-watch.ts';

/** A record that was read, and where it was found. @internal */
export interface FoundRecord {
  readonly view: RecordView | undefined;
  readonly source: 'vault' | 'cache' | 'settings';
}

/** Imports a tenant's old settings; tells whether the store may hold more than before. @internal */
export type ImportOnFirstUse = (tenantId: string) => Promise<boolean>;

const CURRENT_VERSION = { history: false } as const;

/**
 * Reads records for callers that want their content, from the cache where there is one. The cache
 * keeps them sealed.
 *
 * @internal
 */
export class CachedRecords {
  readonly #store: SecretStore;
  readonly #importOnFirstUse: ImportOnFirstUse | undefined;
  readonly #cache: AsyncCache<RecordView> | undefined;
  readonly #watch: CacheWatch | undefined;
  /** Whether there is a cache to look in first. */
  readonly hasCache: boolean;
  readonly #listeners = new Set<(tenantId?: string, provider?: string) => void>();

  constructor(
    store: SecretStore,
    cache: AsyncCacheOptions | undefined,
    importOnFirstUse: ImportOnFirstUse | undefined,
  ) {
    this.#store = store;
    this.#importOnFirstUse = importOnFirstUse;
    this.hasCache = cache !== undefined;
    if (cache === undefined) return;
    const views = new AsyncCache<RecordView>(cache);
    this.#cache = views;
    this.#watch = new CacheWatch(store, {
      onChange: (ref) => views.delete(refKey(ref)),
      onGap: () => views.clear(),
    });
  }

  /** The record at `ref`, without its history. */
  read(ref: SecretRef): Promise<FoundRecord> {
    const cache = this.#usableCache;
    return cache === undefined
      ? this.readFresh(ref)
      : this.#readThrough(cache, ref, () => this.readFresh(ref));
  }

  /** The records at `refs`, in their order, in at most one round trip. */
  async readMany(refs: readonly SecretRef[]): Promise<FoundRecord[]> {
    const cache = this.#usableCache;
    if (cache === undefined) {
      const found = await this.#readAll(refs);
      return refs.map((ref) => foundIn(found, ref));
    }
    const wanted: SecretRef[] = [];
    let batch: Promise<Map<string, FoundRecord>> | undefined;
    return Promise.all(
      refs.map((ref) =>
        this.#readThrough(cache, ref, async () => {
          wanted.push(ref);
          batch ??= Promise.resolve().then(() => this.#readAll(wanted)); // when all are known
          return foundIn(await batch, ref);
        }),
      ),
    );
  }

  /** The record at `ref` as the store has it now, without its history. */
  async readFresh(ref: SecretRef): Promise<FoundRecord> {
    const record = await this.#store.get(ref, CURRENT_VERSION);
    if (record !== undefined) return { view: addressed(record, ref), source: 'vault' };
    if (!(await this.#importOnFirstUse?.(ref.tenantId)))
      return { view: undefined, source: 'vault' };
    const imported = await this.#store.get(ref, CURRENT_VERSION);
    return { view: imported && addressed(imported, ref), source: imported ? 'settings' : 'vault' };
  }

  /**
   * All records of a tenant; never from the cache, which does not know of all.
   *
   * @param reserved - gets the records of this library itself [R8], by provider
   */
  async readTenant(tenantId: string, reserved?: Map<string, RecordView>): Promise<RecordView[]> {
    await this.#importOnFirstUse?.(tenantId);
    const records = await this.#store.list(tenantId, CURRENT_VERSION);
    const views = records.map((record) =>
      addressed(record, { tenantId, provider: record.provider }),
    );
    return views.filter((view) => {
      if (!isReserved(view.ref.provider)) return true;
      reserved?.set(view.ref.provider, view);
      return false;
    });
  }

  /** Drops what was read of one record, of a tenant, or of all, and tells those who hold more. */
  invalidate(tenantId?: string, provider?: string): void {
    if (tenantId === undefined) this.#cache?.clear();
    else if (provider === undefined) this.#cache?.deleteAll(refKey({ tenantId, provider: '' }));
    else this.#cache?.delete(refKey({ tenantId, provider }));
    for (const listener of this.#listeners) listener(tenantId, provider);
  }

  /** Calls `listener` at every {@link CachedRecords.invalidate}. */
  onInvalidate(listener: (tenantId?: string, provider?: string) => void): void {
    this.#listeners.add(listener);
  }

  /** Runs a write of `ref`; whether it succeeds or not, the cached record may be out of date. */
  async whileWriting<T>({ tenantId, provider }: SecretRef, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } finally {
      this.invalidate(tenantId, provider);
    }
  }

  /** Ends the cache and stops listening to the store. */
  async close(): Promise<void> {
    this.invalidate();
    await this.#watch?.close();
    this.invalidate();
  }

  get #usableCache(): AsyncCache<RecordView> | undefined {
    return this.#watch?.reliable ? this.#cache : undefined;
  }

  async #readAll(refs: readonly SecretRef[]): Promise<Map<string, FoundRecord>> {
    const found = new Map<string, FoundRecord>();
    const read = async (wanted: readonly SecretRef[], source: FoundRecord['source']) => {
      for (const record of await this.#store.getMany(wanted, CURRENT_VERSION)) {
        found.set(refKey(record), { view: decodeRecord(record), source });
      }
    };
    await read(refs, 'vault');
    const importOnFirstUse = this.#importOnFirstUse;
    if (importOnFirstUse === undefined) return found;

    const missing = refs.filter((ref) => !found.has(refKey(ref)));
    const tenants = [...new Set(missing.map(({ tenantId }) => tenantId))];
    const imported = await Promise.all(tenants.map((tenantId) => importOnFirstUse(tenantId)));
    if (imported.some(Boolean)) await read(missing, 'settings');
    return found;
  }

  async #readThrough(
    cache: AsyncCache<RecordView>,
    ref: SecretRef,
    load: () => Promise<FoundRecord>,
  ): Promise<FoundRecord> {
    const key = refKey(ref);
    const kept = cache.kept(key);
    if (kept !== undefined) return { view: kept, source: 'cache' };
    let source: FoundRecord['source'] = 'vault';
    const view = await cache.get(key, async () => {
      await this.#watch?.start();
      const found = await load();
      source = found.source;
      return found.view;
    });
    return { view, source };
  }
}

function foundIn(found: ReadonlyMap<string, FoundRecord>, ref: SecretRef): FoundRecord {
  return found.get(refKey(ref)) ?? { view: undefined, source: 'vault' };
}

/**
 * Decodes what a store returned for `ref`.
 *
 * @throws VaultError `ERR_STORE_FAILED` when it belongs to another address, or its provider is not a string
 */
function addressed(record: SecretRecord, { tenantId, provider }: SecretRef): RecordView {
  if (
    record.tenantId === tenantId &&
    record.provider === provider &&
    typeof provider === 'string'
  ) {
    return decodeRecord(record);
  }
  throw new VaultError(
    'ERR_STORE_FAILED',
    'The store returned a record of another tenant or provider than the one asked for.',
  );
}

import type { AuditDetails } from '../audit/audit-trail.ts';
import { AsyncCache, type AsyncCacheOptions } from '../cache/async-cache.ts';
import type { SecretRecord } from '../record/record.ts';
import { addressOf, MIGRATED_MARK, type SecretRef } from '../record/ref.ts';
import type { MigrationOnFirstUse } from '../settings/first-use.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import { CacheWatch } from './cache-watch.ts';

/**
 * Reads records for those who want their content, from the cache where there is one. It keeps them
 * sealed: a cache in memory is no place for what is in the clear.
 *
 * @internal
 */
export class RecordReader {
  readonly #store: SecretStore;
  readonly #firstUse: MigrationOnFirstUse | undefined;
  readonly #cache: AsyncCache<SecretRecord> | undefined;
  readonly #watch: CacheWatch | undefined;

  constructor(
    store: SecretStore,
    cache: AsyncCacheOptions | undefined,
    firstUse: MigrationOnFirstUse | undefined,
  ) {
    this.#store = store;
    this.#firstUse = firstUse;
    if (cache === undefined) return;
    const records = new AsyncCache<SecretRecord>(cache);
    this.#cache = records;
    this.#watch = new CacheWatch(store, {
      onChange: (ref) => records.delete(addressOf(ref)),
      onGap: () => records.clear(), // of what was missed, nobody told
    });
  }

  /** The record at `ref`. */
  async read(ref: SecretRef, details: AuditDetails = {}): Promise<SecretRecord | undefined> {
    return this.#cached(ref, details, () => this.readFresh(ref, details));
  }

  /** The records at `refs`, in their order, in one round trip at most. */
  async readMany(
    refs: readonly SecretRef[],
    details: readonly AuditDetails[] = [],
  ): Promise<(SecretRecord | undefined)[]> {
    const wanted: SecretRef[] = [];
    let batch: Promise<Map<string, SecretRecord>> | undefined;
    return Promise.all(
      refs.map((ref, at) =>
        this.#cached(ref, details[at] ?? {}, async () => {
          wanted.push(ref);
          batch ??= Promise.resolve().then(() => this.#readAll(wanted)); // when all are known
          return (await batch).get(addressOf(ref));
        }),
      ),
    );
  }

  /** The record at `ref`, as the store has it now. */
  async readFresh(ref: SecretRef, details: AuditDetails = {}): Promise<SecretRecord | undefined> {
    const record = await this.#store.get(ref);
    if (record !== undefined || !(await this.#firstUse?.ensure(ref.tenantId))) return record;
    const migrated = await this.#store.get(ref);
    if (migrated !== undefined) details.source = 'settings';
    return migrated;
  }

  /** All records of a tenant; never from the cache, which does not know of all. */
  async readTenant(tenantId: string): Promise<SecretRecord[]> {
    await this.#firstUse?.ensure(tenantId);
    const records = await this.#store.list(tenantId);
    return records.filter(({ provider }) => provider !== MIGRATED_MARK);
  }

  /** Drops from the cache what was read of one record, of a tenant's, or of all. */
  invalidate(tenantId?: string, provider?: string): void {
    if (tenantId === undefined) this.#cache?.clear();
    else if (provider === undefined) this.#cache?.deleteAll(addressOf({ tenantId, provider: '' }));
    else this.#cache?.delete(addressOf({ tenantId, provider }));
  }

  /** Runs a write of `ref`, whatever becomes of it: the cached record may be out of date. */
  async whileWriting<T>({ tenantId, provider }: SecretRef, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } finally {
      this.invalidate(tenantId, provider);
    }
  }

  /** Ends the cache, and what keeps it up to date. */
  async close(): Promise<void> {
    await this.#watch?.close();
    this.#cache?.clear();
  }

  async #readAll(refs: readonly SecretRef[]): Promise<Map<string, SecretRecord>> {
    const records = await this.#store.getMany(refs);
    const found = new Map(records.map((record) => [addressOf(record), record]));
    const missing = refs.filter((ref) => !found.has(addressOf(ref)));
    const tenants = [...new Set(missing.map(({ tenantId }) => tenantId))];
    const migrated = await Promise.all(tenants.map((tenant) => this.#firstUse?.ensure(tenant)));
    if (!migrated.some(Boolean)) return found;
    for (const record of await this.#store.getMany(missing)) found.set(addressOf(record), record);
    return found;
  }

  async #cached(
    ref: SecretRef,
    details: AuditDetails,
    load: () => Promise<SecretRecord | undefined>,
  ): Promise<SecretRecord | undefined> {
    if (this.#cache === undefined || this.#watch?.closed) return load();
    const kept = this.#cache.kept(addressOf(ref));
    if (kept !== undefined) {
      details.source = 'cache';
      return kept;
    }
    return this.#cache.get(addressOf(ref), async () => {
      await this.#watch?.start();
      return load();
    });
  }
}

import type { KeyEntry, KeyScanQuery, KeyStore } from '../stores/key-store.ts';
import { type MongoRun, runOn } from './run.ts';
import type { MongoSource } from './types.ts';

/**
 * Options of {@link MongoKeyStore}.
 *
 * @public
 */
export interface MongoKeyStoreOptions {
  /** Name of the collection in a database. @defaultValue `"vault_keys"` */
  readonly collection?: string;
}

/**
 * Wrapped keys in a collection of MongoDB, one document per tenant, whose `_id` is the tenant. It
 * needs no other index, and may be in another database or cluster than the records.
 *
 * As `MongoSecretStore`, it uses the connection that you give it, reads from the primary, waits until
 * a write is journaled on a majority, and compares strings exactly.
 *
 * @example
 * ```ts
 * const store = new MongoKeyStore(client.db('crm_keys')); // collection "vault_keys"
 * ```
 * @public
 */
export class MongoKeyStore implements KeyStore {
  readonly #run: MongoRun;

  /**
   * @param source - a `Db` or a `Collection` of the official driver, a promise of one, or a function
   * that returns one
   * @throws VaultError `ERR_INVALID_ARGUMENT` when there is no source
   */
  constructor(source: MongoSource, options: MongoKeyStoreOptions = {}) {
    this.#run = runOn('MongoKeyStore', source, options.collection ?? 'vault_keys');
  }

  /**
   * Checks the collection; there is nothing to make.
   *
   * @throws VaultError `ERR_STORE_FAILED` when the collection has a default collation, by which two
   * tenants can have the same `_id`
   */
  async init(): Promise<void> {
    const { refuseCollation } = await import('./indexes.ts');
    await this.#run('init of the keys', refuseCollation);
  }

  get(tenantId: string): Promise<KeyEntry | undefined> {
    return this.#run('get of a key', async (collection, options) => {
      const { findEntry } = await import('./key-documents.ts');
      return findEntry(collection, options, tenantId);
    });
  }

  put(entry: KeyEntry, expected: string | null): Promise<boolean> {
    return this.#run('put of a key', async (collection, options) => {
      const { putEntry } = await import('./key-documents.ts');
      return putEntry(collection, options, entry, expected);
    });
  }

  async *scan(query: KeyScanQuery): AsyncIterable<KeyEntry[]> {
    const { scanEntries } = await import('./key-documents.ts');
    yield* scanEntries(this.#run, query);
  }
}

import { LRUCache } from 'lru-cache';
import type { SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import { bulkPut } from './mongo-bulk.ts';
import { isDuplicateKey } from './mongo-errors.ts';
import { batchesOf, type MongoRun, runOn } from './mongo-run.ts';
import type { MongoCollection, MongoSource } from './mongo-types.ts';
import { watchCollection } from './mongo-watch.ts';
import {
  type ConditionalWrite,
  idOf,
  insertion,
  replacement,
  revIs,
  supersession,
} from './mongo-writes.ts';
import {
  DEFAULT_SCAN_BATCH,
  type ScanQuery,
  type SecretStore,
  type StoreWrite,
} from './secret-store.ts';

/**
 * Options of {@link MongoSecretStore}.
 *
 * @public
 */
export interface MongoSecretStoreOptions {
  /** Name of the collection in a database. @defaultValue `"secrets"` */
  readonly collection?: string;
}

// Only strings are addresses: the plaintext documents that a half-done migration left in the same
// collection have neither member [L2], and a unique index over all documents could not be built.
// $gt: '' rather than $type, because the planner proves that an equality with a string implies it.
const IS_RECORD = { tenantId: { $gt: '' }, provider: { $gt: '' } };
const MAX_FOREIGN_IDS = 10_000;
const INDEX_KEYS = { tenantId: 1, provider: 1 } as const;

/**
 * Records in a collection of MongoDB, one document each.
 *
 * It works on a connection that it is given, and neither opens nor closes one.
 *
 * @example
 * ```ts
 * const store = new MongoSecretStore(client.db('crm')); // collection "secrets"
 * await store.init(); // once, at start-up: the unique index
 * ```
 * @public
 */
export class MongoSecretStore implements SecretStore {
  readonly #run: MongoRun;
  // The _id of documents that the old system made, as they were met; of all others it is known.
  readonly #foreignIds = new LRUCache<string, { id: unknown }>({ max: MAX_FOREIGN_IDS });

  /**
   * @param source - a `Db` or a `Collection` of the official driver, a promise of one, or a function
   * that gives one
   * @throws VaultError `ERR_INVALID_ARGUMENT` when there is no source
   */
  constructor(source: MongoSource, options: MongoSecretStoreOptions = {}) {
    this.#run = runOn('MongoSecretStore', source, options.collection ?? 'secrets');
  }

  /** Makes the unique index; does nothing where it is. Safe in any number of processes at once. */
  async init(): Promise<void> {
    await this.#run('init', (collection) =>
      collection.createIndex(INDEX_KEYS, {
        name: 'provider_vault_ref',
        unique: true,
        partialFilterExpression: IS_RECORD,
      }),
    );
  }

  /** {@inheritDoc SecretStore.get} */
  async get(ref: SecretRef): Promise<SecretRecord | undefined> {
    const document = await this.#run('get', (collection) => collection.findOne(addressOf(ref)));
    return document === null ? undefined : this.#toRecord(document);
  }

  async getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]> {
    if (refs.length === 0) return [];
    const tenants = new Map<string, Set<string>>();
    for (const { tenantId, provider } of refs) {
      tenants.set(provider, (tenants.get(provider) ?? new Set()).add(tenantId));
    }
    // One condition per provider, not per record: thousands of tenants, a handful of providers.
    const groups = [...tenants].map(([provider, ids]) => ({
      provider,
      tenantId: { $in: [...ids] },
    }));
    // All in the first reply: a second one would be a second round trip.
    return this.#find('getMany', { $or: groups }, { batchSize: refs.length + 1 });
  }

  async list(tenantId: string): Promise<SecretRecord[]> {
    const filter = { tenantId, provider: IS_RECORD.provider };
    return this.#find('list', filter, { sort: INDEX_KEYS });
  }

  async put(record: SecretRecord, expectedRev: number, seen?: string | null): Promise<boolean> {
    return this.#run('put', async (collection) => {
      if (expectedRev === 0 && typeof seen !== 'string') {
        if (await this.#insert(collection, record)) return true;
        if (seen === null) return false;
      }
      return this.#update(collection, record, (id) =>
        replacement(record, expectedRev, seen ?? undefined, id),
      );
    });
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    if (writes.length === 0) return [];
    return this.#run('putMany', (collection) =>
      bulkPut(collection, writes, {
        idOf: (ref) => this.#idOf(ref),
        readBack: (refs) => this.getMany(refs),
        put: ({ record, expectedRev, seen }) => this.put(record, expectedRev, seen),
      }),
    );
  }

  async supersede(record: SecretRecord, expectedRev: number, keep: number): Promise<boolean> {
    return this.#run('put', async (collection) => {
      if (expectedRev === 0 && (await this.#insert(collection, record))) return true;
      return this.#update(collection, record, (id) => supersession(record, expectedRev, keep, id));
    });
  }

  async delete(ref: SecretRef, expectedRev?: number): Promise<boolean> {
    const filter = {
      ...addressOf(ref),
      ...(expectedRev !== undefined && { 'metadata.rev': revIs(expectedRev) }),
    };
    const { deletedCount } = await this.#run('delete', (collection) =>
      collection.deleteOne(filter),
    );
    return deletedCount === 1;
  }

  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    const { batchSize = DEFAULT_SCAN_BATCH, after, keyId } = query;
    const filter = {
      ...IS_RECORD,
      ...(keyId !== undefined && { 'metadata.keyId': keyId }),
      ...(after !== undefined && {
        $or: [
          { tenantId: { $gt: after.tenantId } },
          { tenantId: after.tenantId, provider: { $gt: after.provider } },
        ],
      }),
    };
    const options = { sort: INDEX_KEYS, batchSize };
    const find = async (collection: MongoCollection) => collection.find(filter, options);
    for await (const batch of batchesOf(this.#run, 'scan', find, batchSize)) {
      yield batch.map((document) => this.#toRecord(document));
    }
  }

  /**
   * Tells of changes by a change stream, where the server has them: a replica set.
   *
   * @throws VaultError `ERR_STORE_FAILED` where it has none
   */
  async watch(listener: (ref: SecretRef) => void, onGap = () => {}): Promise<() => Promise<void>> {
    return this.#run('watch', (collection) => watchCollection(collection, listener, onGap));
  }

  /** {@inheritDoc SecretStore.count} */
  async count(): Promise<number> {
    return this.#run('count', (collection) => collection.countDocuments(IS_RECORD));
  }

  #find(operation: string, filter: object, options: object): Promise<SecretRecord[]> {
    return this.#run(operation, async (collection) =>
      (await collection.find(filter, options).toArray()).map((document) =>
        this.#toRecord(document),
      ),
    );
  }

  // By _id, which is the cheapest. Where that finds nothing, the write has lost, or the document is
  // one of the old system that this process has not met: only then by address.
  async #update(
    collection: MongoCollection,
    ref: SecretRef,
    write: (id: unknown) => ConditionalWrite,
  ): Promise<boolean> {
    for (const { filter, update } of [write(this.#idOf(ref)), write(undefined)]) {
      if ((await collection.updateOne(filter, update)).matchedCount === 1) return true;
    }
    return false;
  }

  #idOf(ref: SecretRef): unknown {
    return this.#foreignIds.get(idOf(ref))?.id ?? idOf(ref);
  }

  #toRecord(document: object): SecretRecord {
    const { _id, ...members } = document as SecretRecord & { _id: unknown };
    const record = members as SecretRecord;
    const id = idOf(record);
    if (_id !== id) this.#foreignIds.set(id, { id: _id });
    return record;
  }

  // An upsert that changes nothing where a record is, whatever its _id. The _id is made of the
  // address, so that of two racing first writes one fails even where the index is missing.
  async #insert(collection: MongoCollection, record: SecretRecord): Promise<boolean> {
    const { filter, update } = insertion(record);
    try {
      return (await collection.updateOne(filter, update, { upsert: true })).upsertedCount === 1;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }
}

const addressOf = ({ tenantId, provider }: SecretRef): SecretRef => ({ tenantId, provider });

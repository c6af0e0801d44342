import { VaultError } from '../errors.ts';
import { recordLabel, refKey, type SecretRecord, type SecretRef } from '../record.ts';
import {
  DEFAULT_SCAN_BATCH,
  type ScanQuery,
  type ScanRange,
  type SecretStore,
  type StoreLookup,
  type StoreReadOptions,
  type StoreWrite,
} from '../stores/secret-store.ts';
import type { CommandOptions } from './command-options.ts';
import { isDuplicateKey, isPathNotViable } from './errors.ts';
import type { MongoProblem } from './indexes.ts';
import { batchesOf, type MongoRun, retained, runOn } from './run.ts';
import type { MongoCollection, MongoSource } from './types.ts';
import {
  ADDRESS_KEYS,
  addressFilter,
  etagFilter,
  IS_RECORD,
  idOf,
  insertion,
  isAddress,
  rangeFilter,
  replacement,
  wholeReplacement,
} from './writes.ts';

/**
 * Options of {@link MongoSecretStore}.
 *
 * @public
 */
export interface MongoSecretStoreOptions {
  /** Name of the collection in a database. @defaultValue `"secrets"` */
  readonly collection?: string;
}

const MAX_FOREIGN_IDS = 10_000;
const INSERT_ATTEMPTS = 3;

/**
 * Records in a collection of MongoDB, one document each.
 *
 * It uses the connection that you give it, and neither opens nor closes one. Whatever the
 * connection, database or collection says, it reads from the primary, waits until a write is
 * journaled on a majority, and compares strings exactly.
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
  // The _ids of documents of the old system, as they were read; every other _id is known.
  readonly #foreignIds = new Map<string, unknown>();
  /** `true` once the index is known that keeps addresses unique. */
  readonly #isUnique = retained(async () => {
    const { checkCollection } = await import('./indexes.ts');
    const problems = await this.#run('check', checkCollection);
    return problems.length === 0 || undefined;
  });

  /**
   * @param source - a `Db` or a `Collection` of the official driver, a promise of one, or a function
   * that returns one
   * @throws VaultError `ERR_INVALID_ARGUMENT` when there is no source
   */
  constructor(source: MongoSource, options: MongoSecretStoreOptions = {}) {
    this.#run = runOn('MongoSecretStore', source, options.collection ?? 'secrets');
  }

  /**
   * Makes the unique index, and the one of lookups; does nothing where they exist, under whatever
   * name. Safe in any number of processes at once.
   *
   * @throws VaultError `ERR_STORE_FAILED` with what to do, when the collection has one of the
   * problems that {@link MongoSecretStore.check} finds
   */
  async init(): Promise<void> {
    const { initAddressIndex, initLookupIndex } = await import('./indexes.ts');
    await this.#run('init', initAddressIndex);
    await this.#run('init', initLookupIndex);
  }

  /**
   * Looks for what could lose or hide records: a missing or unsuitable index, several records of
   * one tenant and provider, a collation. It changes nothing.
   *
   * @returns the problems; none if all is well
   */
  async check(): Promise<MongoProblem[]> {
    const { checkCollection, checkLookupIndex, findDuplicates } = await import('./indexes.ts');
    return this.#run('check', async (collection, options) => {
      const problems = await checkCollection(collection);
      const unique = problems.every(({ kind }) => kind === 'collation');
      const more = unique ? checkLookupIndex(collection) : findDuplicates(collection, options);
      return [...problems, ...(await more)];
    });
  }

  get(ref: SecretRef, reading?: StoreReadOptions): Promise<SecretRecord | undefined> {
    return this.#run('get', async (collection, options) => {
      const { tenantId, provider } = addressFilter(ref);
      const document = await collection.findOne(
        { tenantId, provider },
        readOptions(options, reading),
      );
      return document === null
        ? undefined
        : this.#toRecord(document, (of) => of.tenantId === tenantId && of.provider === provider);
    });
  }

  async getMany(refs: readonly SecretRef[], reading?: StoreReadOptions): Promise<SecretRecord[]> {
    if (refs.length === 0) return [];
    return this.#run('getMany', async (collection, options) => {
      const asked = new Map<string, Set<string>>();
      for (const ref of refs) {
        const { tenantId, provider } = addressFilter(ref);
        const tenants = asked.get(provider);
        if (tenants) tenants.add(tenantId);
        else asked.set(provider, new Set([tenantId]));
      }
      // All in the first reply: a second one would be a second round trip.
      const batch = { ...readOptions(options, reading), batchSize: refs.length + 1 };
      const documents = await collection.find(manyFilter(asked), batch).toArray();
      return documents.map((document) =>
        this.#toRecord(document, (of) => asked.get(of.provider)?.has(of.tenantId) === true),
      );
    });
  }

  list(tenantId: string, reading?: StoreReadOptions): Promise<SecretRecord[]> {
    return this.#run('list', async (collection, options) => {
      const filter = { ...addressFilter({ tenantId, provider: '' }), provider: IS_RECORD.provider };
      const sorted = { ...readOptions(options, reading), sort: ADDRESS_KEYS };
      const documents = await collection.find(filter, sorted).toArray();
      return documents
        .filter((document) => isAddress(document as SecretRecord)) // as in a scan
        .map((document) => this.#toRecord(document, (of) => of.tenantId === tenantId));
    });
  }

  put(record: SecretRecord, expected: string | null): Promise<boolean> {
    return this.#run('put', (collection, options) =>
      expected === null
        ? this.#insert(collection, options, record)
        : this.#replace(collection, options, record, expected),
    );
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    if (writes.length === 0) return [];
    const insert = writes.some(({ expected }) => expected === null) && (await this.#isUnique());
    const { bulkPut } = await import('./bulk.ts');
    return this.#run('putMany', (collection, options) =>
      bulkPut(collection, options, writes, {
        insert: insert === true,
        idOf: (ref) => this.#idOf(ref),
        readBack: (refs) => this.getMany(refs),
        put: (record, expected) => this.put(record, expected),
      }),
    );
  }

  delete(ref: SecretRef, expected?: string): Promise<boolean> {
    return this.#run('delete', async (collection, { write }) => {
      const filter = {
        ...addressFilter(ref),
        ...(expected !== undefined && etagFilter(expected)),
      };
      return (await collection.deleteOne(filter, write)).deletedCount === 1;
    });
  }

  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    const { batchSize = DEFAULT_SCAN_BATCH, keyId } = query;
    const filter = {
      ...rangeFilter(query),
      ...(keyId !== undefined && { 'metadata.keyId': keyId }),
    };
    const find = async (collection: MongoCollection, { read }: CommandOptions) =>
      collection.find(filter, { ...read, sort: ADDRESS_KEYS, batchSize });
    for await (const batch of batchesOf(this.#run, 'scan', find)) {
      const records = batch.filter((document) => isAddress(document as SecretRecord));
      if (records.length > 0) yield records.map((document) => this.#toRecord(document, isAddress));
    }
  }

  async find({ provider, digests }: StoreLookup): Promise<string[]> {
    const { provider: name } = addressFilter({ tenantId: '', provider });
    return this.#run('find', async (collection, { read }) => {
      const filter = { provider: name, 'metadata.lookup': { $in: [...digests] } };
      // All in the first reply, as far as one reply can hold them.
      const options = {
        ...read,
        projection: { tenantId: 1, provider: 1, _id: 0 },
        batchSize: 10_000,
      };
      const documents = (await collection.find(filter, options).toArray()) as SecretRecord[];
      return documents.filter(isAddress).map(({ tenantId }) => tenantId);
    });
  }

  /**
   * Reports changes by a change stream, which a replica set has.
   *
   * @throws VaultError `ERR_STORE_FAILED` on a server without change streams
   */
  async watch(
    listener: (ref: SecretRef) => void,
    onGap: (restored?: Promise<void>) => void = () => {},
  ): Promise<() => Promise<void>> {
    const { watchCollection } = await import('./watch.ts');
    return this.#run('watch', (collection, { read }) =>
      watchCollection(collection, read, listener, onGap),
    );
  }

  count(): Promise<number> {
    return this.#run('count', (collection, { read }) => collection.countDocuments(IS_RECORD, read));
  }

  /**
   * Ranges of about equal size. The server goes through the index that `init` makes twice, once to
   * count and once from one end of a range to the next. It reads no record, and sends these ends only.
   * Without the index it sorts the records for each range: call `init` before.
   */
  async split(parts: number): Promise<ScanRange[]> {
    const { splitRecords } = await import('./split.ts');
    return splitRecords(this.#run, parts, () => this.count());
  }

  async #insert(
    collection: MongoCollection,
    { read, write }: CommandOptions,
    record: SecretRecord,
  ): Promise<boolean> {
    const { filter, update } = insertion(record);
    for (let attempt = 0; attempt < INSERT_ATTEMPTS; attempt++) {
      try {
        const upsert = { ...write, upsert: true };
        return (await collection.updateOne(filter, update, upsert)).upsertedCount === 1;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
      if ((await collection.findOne(filter, read)) !== null) return false;
      // Deleted in the meantime, or never there.
    }
    throw new VaultError(
      'ERR_STORE_FAILED',
      `${recordLabel(record)} cannot be stored: a document that is not this record has its _id, or its place in a unique index.`,
    );
  }

  // By _id, which is the cheapest, and which works without the index. If nothing matches, the write
  // has lost, or the document is one of the old system that this process has not read: only then by
  // address.
  async #replace(
    collection: MongoCollection,
    { write }: CommandOptions,
    record: SecretRecord,
    expected: string,
  ): Promise<boolean> {
    const filter = { ...addressFilter(record), ...etagFilter(expected) };
    for (const where of [{ _id: this.#idOf(record), ...filter }, filter]) {
      const { matchedCount } = await collection
        .updateOne(where, replacement(record), write)
        .catch((error: unknown) => {
          if (!isPathNotViable(error)) throw error;
          return collection.updateOne(where, wholeReplacement(record), write);
        });
      if (matchedCount === 1) return true;
    }
    return false;
  }

  #idOf(ref: SecretRef): unknown {
    return this.#foreignIds.get(refKey(ref)) ?? idOf(ref);
  }

  // A server, proxy or plugin that disregards the collation would hand out another tenant's record.
  #toRecord(document: object, isAsked: (ref: SecretRef) => boolean): SecretRecord {
    if (!isAsked(document as SecretRecord)) {
      throw new VaultError(
        'ERR_STORE_FAILED',
        'MongoDB returned a record of another tenant or provider than the one asked for.',
      );
    }
    if (!('_id' in document)) return document as SecretRecord;
    const { _id, ...members } = document as SecretRecord & { _id: unknown };
    const record = members as SecretRecord;
    if (_id !== idOf(record)) this.#rememberId(refKey(record), _id);
    return record;
  }

  #rememberId(key: string, id: unknown): void {
    this.#foreignIds.set(key, id);
    if (this.#foreignIds.size <= MAX_FOREIGN_IDS) return;
    for (const oldest of this.#foreignIds.keys()) {
      this.#foreignIds.delete(oldest);
      return;
    }
  }
}

/** One condition per provider, or one in all, not one per record: thousands of tenants, few providers. */
function manyFilter(asked: ReadonlyMap<string, ReadonlySet<string>>): object {
  const groups = [...asked.values()];
  const tenants = new Set(groups.flatMap((ids) => [...ids]));
  if (groups.every((ids) => ids.size === tenants.size)) {
    return { tenantId: { $in: [...tenants] }, provider: { $in: [...asked.keys()] } };
  }
  return {
    $or: [...asked].map(([provider, ids]) => ({ provider, tenantId: { $in: [...ids] } })),
  };
}

function readOptions(
  { read, readCurrent }: CommandOptions,
  reading: StoreReadOptions | undefined,
): object {
  return reading?.history === false ? readCurrent : read;
}

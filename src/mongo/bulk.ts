import {
  decodeRecord,
  earlierVersions,
  etag,
  refKey,
  type SecretRecord,
  type SecretRef,
} from '../record.ts';
import type { StoreWrite } from '../stores/secret-store.ts';
import type { CommandOptions } from './command-options.ts';
import { isDuplicateKey, isPathNotViable } from './errors.ts';
import type { MongoCollection } from './types.ts';
import { addressFilter, etagFilter, idOf, insertion, replacement } from './writes.ts';

interface BulkResult {
  readonly matchedCount: number;
  readonly insertedCount: number;
  readonly upsertedCount: number;
  getWriteConcernError?(): unknown;
}

/**
 * Many compare-and-sets in one command. MongoDB counts the matches, and does not tell which ones
 * they were. Only if some are missing are the records read again, and recognised by their data,
 * which is different for every seal.
 *
 * @internal
 */
export async function bulkPut(
  collection: MongoCollection,
  options: CommandOptions,
  writes: readonly StoreWrite[],
  store: {
    /**
     * Whether the unique index is known to be there. A plain insert of an existing address fails then;
     * it takes the server a fraction of the time of a conditional upsert.
     */
    readonly insert: boolean;
    idOf(ref: SecretRef): unknown;
    readBack(refs: readonly SecretRef[]): Promise<SecretRecord[]>;
    put(record: SecretRecord, expected: string | null): Promise<boolean>;
  },
): Promise<boolean[]> {
  const operations = writes.map(({ record, expected, stored }) => {
    if (expected === null) {
      if (store.insert) {
        return {
          insertOne: { document: { _id: idOf(record), ...record, ...addressFilter(record) } },
        };
      }
      return { updateOne: { ...insertion(record), upsert: true, ...options.collation } };
    }
    const filter = { _id: store.idOf(record), ...addressFilter(record), ...etagFilter(expected) };
    // Without an etag, what is stored may have changed since.
    const update = replacement(record, expected === '' ? undefined : stored);
    return { updateOne: { filter, update, ...options.collation } };
  });
  const { matchedCount, insertedCount, upsertedCount } = await unorderedBulk(
    collection,
    operations,
    options.bulk,
  );
  const insertions = writes.filter(({ expected }) => expected === null).length;
  const made = insertedCount + upsertedCount;
  if (made === insertions && matchedCount === writes.length - insertions) {
    return writes.map(() => true);
  }
  const stored = await store.readBack(writes.map(({ record }) => record));
  const written = new Set(
    stored.flatMap((record) => [
      record.data,
      ...earlierVersions(decodeRecord(record)).map(({ data }) => data),
    ]),
  );
  const etags = new Map(stored.map((record) => [refKey(record), etag(record)]));
  return Promise.all(
    writes.map(({ record, expected }) => {
      if (written.has(record.data)) return true;
      // The condition holds and still nothing was written: a document of the old system, which has
      // another _id or no metadata to set a member of. `put` knows how to write that.
      const holds = (etags.get(refKey(record)) ?? null) === expected;
      return holds && store.put(record, expected);
    }),
  );
}

// The driver throws if one of the operations failed, after it has run the others.
async function unorderedBulk(
  collection: MongoCollection,
  operations: readonly object[],
  options: object,
): Promise<BulkResult> {
  try {
    return (await collection.bulkWrite(operations, options)) as BulkResult;
  } catch (error) {
    const { writeErrors, result } = error as { writeErrors?: unknown; result?: BulkResult };
    const failures = [writeErrors ?? []].flat();
    const expected =
      failures.length > 0 &&
      failures.every((failure) => isDuplicateKey(failure) || isPathNotViable(failure)) &&
      !result?.getWriteConcernError?.();
    if (result === undefined || !expected) throw error;
    return result;
  }
}

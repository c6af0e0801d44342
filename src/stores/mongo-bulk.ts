import { historyOf, revOf, type SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import { isDuplicateKey } from './mongo-errors.ts';
import type { MongoCollection } from './mongo-types.ts';
import { insertion, replacement } from './mongo-writes.ts';
import type { StoreWrite } from './secret-store.ts';

interface BulkResult {
  readonly matchedCount: number;
  readonly upsertedIds: Readonly<Record<number, unknown>>;
}

/**
 * Many compare-and-sets in one command. MongoDB counts what matched, and does not say which: only
 * where the counts tell of a lost write are the records read again, and recognised by their data,
 * which is different for every seal.
 *
 * @internal
 */
export async function bulkPut(
  collection: MongoCollection,
  writes: readonly StoreWrite[],
  store: {
    idOf(ref: SecretRef): unknown;
    readBack(refs: readonly SecretRef[]): Promise<SecretRecord[]>;
    put(write: StoreWrite): Promise<boolean>;
  },
): Promise<boolean[]> {
  const operations = writes.map(({ record, expectedRev, seen }) => {
    const inserts = isInsertion(expectedRev, seen);
    const write = inserts
      ? insertion(record)
      : replacement(record, expectedRev, seen ?? undefined, store.idOf(record));
    return { updateOne: { ...write, upsert: inserts } };
  });
  const result = await unorderedBulk(collection, operations);

  const inserted = Object.keys(result.upsertedIds).length;
  const insertions = operations.filter(({ updateOne }) => updateOne.upsert).length;
  if (inserted === insertions && result.matchedCount === writes.length - insertions) {
    return writes.map(() => true);
  }
  const stored = await store.readBack(writes.map(({ record }) => record));
  const written = new Set(
    stored.flatMap((record) => [record.data, ...historyOf(record).map(({ data }) => data)]),
  );
  // What is not written has lost, or is a document of the old system that was not met before.
  const found = new Map(stored.map((record) => [String(store.idOf(record)), record]));
  return Promise.all(
    writes.map((write) => {
      if (written.has(write.record.data)) return true;
      const rev = revOf(found.get(String(store.idOf(write.record))));
      return rev === write.expectedRev && write.seen !== null ? store.put(write) : false;
    }),
  );
}

function isInsertion(expectedRev: number, seen: string | null | undefined): boolean {
  return expectedRev === 0 && typeof seen !== 'string';
}

// The driver throws when one of the operations failed; the others were done all the same.
async function unorderedBulk(
  collection: MongoCollection,
  operations: readonly object[],
): Promise<BulkResult> {
  try {
    return (await collection.bulkWrite(operations, { ordered: false })) as BulkResult;
  } catch (error) {
    const { writeErrors, result } = error as { writeErrors?: unknown; result?: BulkResult };
    const failures = [writeErrors].flat();
    if (result === undefined || !failures.every(isDuplicateKey)) throw error;
    return result;
  }
}

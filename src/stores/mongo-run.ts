import { invalidArgument } from '../errors.ts';
import { storeError } from './mongo-errors.ts';
import {
  collectionOf,
  type MongoCollection,
  type MongoCursor,
  type MongoSource,
} from './mongo-types.ts';

/**
 * Runs an operation on a collection; what the driver throws becomes a `VaultError` that names the
 * operation.
 *
 * @internal
 */
export type MongoRun = <T>(
  operation: string,
  use: (collection: MongoCollection) => Promise<T>,
) => Promise<T>;

/**
 * How `owner` uses the collection `name` of what it was given.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` when there is no source
 * @internal
 */
export function runOn(owner: string, source: MongoSource, name: string): MongoRun {
  if (source === null || (typeof source !== 'object' && typeof source !== 'function')) {
    throw invalidArgument(`${owner} needs a Db, a Collection, or a promise of one.`);
  }
  const collection = collectionOf(source, name);
  return async (operation, use) => {
    try {
      return await use(await collection());
    } catch (error) {
      throw storeError(error, operation);
    }
  };
}

/**
 * What `find` finds, in batches. A reader that stops early leaves no cursor behind.
 *
 * @internal
 */
export async function* batchesOf(
  run: MongoRun,
  operation: string,
  find: (collection: MongoCollection) => Promise<MongoCursor>,
  batchSize: number,
): AsyncIterable<object[]> {
  const documents = (await run(operation, find))[Symbol.asyncIterator]();
  let batch: object[] = [];
  try {
    for (;;) {
      const next = await run(operation, () => documents.next());
      if (next.done) break;
      batch.push(next.value);
      if (batch.length < batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    await documents.return?.();
  }
}

import { invalidArgument } from '../errors.ts';
import { type CommandOptions, OPTIONS_OF_NONE, optionsFor } from './command-options.ts';
import { storeError } from './errors.ts';
import type { MongoCollection, MongoCursor, MongoSource } from './types.ts';

/**
 * Runs an operation on a collection, with the options for its commands. An error of the driver
 * becomes a `VaultError` that names the operation.
 *
 * @internal
 */
export type MongoRun = <T>(
  operation: string,
  use: (collection: MongoCollection, options: CommandOptions) => Promise<T>,
) => Promise<T>;

/**
 * Runs operations on `source`, or on its collection `name`. The source is resolved at the first
 * operation; after a failure the next operation tries again.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` when there is no source
 * @internal
 */
export function runOn(owner: string, source: MongoSource, name: string): MongoRun {
  if (source === null || (typeof source !== 'object' && typeof source !== 'function')) {
    throw invalidArgument(`${owner} needs a Db, a Collection, or a promise of one.`);
  }
  const collectionOf = retained(() => resolve(source, name));
  const optionsOf = retained(async () => optionsFor(await collectionOf()));
  return async (operation, use) => {
    try {
      return await use(await collectionOf(), (await optionsOf()) ?? OPTIONS_OF_NONE);
    } catch (error) {
      throw storeError(error, operation);
    }
  };
}

/** Remembers what `make` returns, but neither a failure nor `undefined`. @internal */
export function retained<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  const forget = () => {
    made = undefined;
  };
  return () => {
    if (made === undefined) {
      made = make();
      made.then((value) => value ?? forget(), forget);
    }
    return made;
  };
}

async function resolve(source: MongoSource, name: string): Promise<MongoCollection> {
  const target = await (typeof source === 'function' ? source() : source);
  return 'findOne' in target ? target : target.collection(name);
}

/**
 * The documents that `find` finds, in batches as the server sends them. A reader that stops early
 * leaves no cursor behind.
 *
 * @internal
 */
export async function* batchesOf(
  run: MongoRun,
  operation: string,
  find: (collection: MongoCollection, options: CommandOptions) => Promise<MongoCursor>,
): AsyncIterable<object[]> {
  const cursor = await run(operation, find);
  try {
    while (await run(operation, () => cursor.hasNext())) yield cursor.readBufferedDocuments();
  } finally {
    await cursor.close().catch(() => {}); // the server may be gone
  }
}

/**
 * What this library uses of a `Collection` of the official driver. Written out, so that the types
 * of this package need neither the driver nor one version of it.
 *
 * @public
 */
export interface MongoCollection {
  /** As the driver's. */
  readonly collectionName?: string;
  /** As the driver's. */
  countDocuments(filter: object): Promise<number>;
  /** As the driver's. */
  findOne(filter: object, options?: object): Promise<object | null>;
  /** As the driver's. */
  find(filter: object, options?: object): MongoCursor;
  /** As the driver's; the counts tell whether a compare-and-set was done. */
  updateOne(
    filter: object,
    update: object,
    options?: object,
  ): Promise<{ matchedCount: number; upsertedCount: number }>;
  /** As the driver's. */
  bulkWrite(operations: readonly object[], options?: object): Promise<unknown>;
  /** As the driver's. */
  deleteOne(filter: object, options?: object): Promise<{ deletedCount: number }>;
  /** As the driver's. */
  createIndex(keys: Record<string, 1>, options?: object): Promise<unknown>;
  /** As the driver's. */
  watch?(pipeline: object[], options?: object): MongoChangeStream;
}

/**
 * What this library uses of a `ChangeStream` of the official driver.
 *
 * @public
 */
export interface MongoChangeStream {
  /** Where it is. */
  readonly resumeToken: unknown;
  /** The next change, or `null` if there is none yet. */
  tryNext(): Promise<object | null>;
  /** The next change. */
  next(): Promise<object>;
  /** Ends it. */
  close(): Promise<void>;
}

/**
 * What this library uses of a `FindCursor` of the official driver.
 *
 * @public
 */
export interface MongoCursor extends AsyncIterable<object> {
  /** All documents. */
  toArray(): Promise<object[]>;
  /** Ends it before its last document. */
  close(): Promise<void>;
}

/**
 * What this library uses of a `Db` of the official driver.
 *
 * @public
 */
export interface MongoDatabase {
  /** The collection of that name. */
  collection(name: string): MongoCollection;
}

/**
 * A database or a collection, a promise of one, or a function that gives one when it is first
 * needed.
 *
 * @public
 */
export type MongoSource =
  | MongoTarget
  | Promise<MongoTarget>
  | (() => MongoTarget | Promise<MongoTarget>);

/**
 * A database, in which the collection has its usual name, or the collection itself.
 *
 * @public
 */
export type MongoTarget = MongoDatabase | MongoCollection;

/**
 * The collection of a source, resolved once; a source that failed is asked again.
 *
 * @internal
 */
export function collectionOf(source: MongoSource, name: string): () => Promise<MongoCollection> {
  let resolved: Promise<MongoCollection> | undefined;
  return () => {
    resolved ??= resolve(source, name).catch((error: unknown) => {
      resolved = undefined;
      throw error;
    });
    return resolved;
  };
}

async function resolve(source: MongoSource, name: string): Promise<MongoCollection> {
  const target = await (typeof source === 'function' ? source() : source);
  return 'findOne' in target ? target : target.collection(name);
}

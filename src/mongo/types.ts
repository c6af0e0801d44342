/**
 * What this library uses of a `Collection` of the official driver. Written out, so that the types
 * of this package need neither the driver nor one version of it.
 *
 * @public
 */
export interface MongoCollection {
  /** Names the collection in messages. */
  readonly collectionName?: string;
  /** Finds duplicate records, when the unique index cannot be built. */
  aggregate(pipeline: object[], options?: object): Pick<MongoCursor, 'toArray'>;
  /** Estimates the work of a long operation. */
  countDocuments(filter: object, options?: object): Promise<number>;
  /** Reads one record. */
  findOne(filter: object, options?: object): Promise<object | null>;
  /** Reads many records, settings or audit events. */
  find(filter: object, options?: object): MongoCursor;
  /** Writes one record; the counts tell whether the compare-and-set succeeded. */
  updateOne(
    filter: object,
    update: object,
    options?: object,
  ): Promise<{ matchedCount: number; upsertedCount: number }>;
  /** Writes many records or audit events, and erases plaintext settings. */
  bulkWrite(operations: readonly object[], options?: object): Promise<unknown>;
  /** Deletes one record; the count tells whether the condition held. */
  deleteOne(filter: object, options?: object): Promise<{ deletedCount: number }>;
  /** Makes the indexes of a store or an audit sink. */
  createIndex(keys: Record<string, 1>, options?: object): Promise<unknown>;
  /** Lists the indexes, for a check of the unique one. */
  indexes(options?: object): Promise<object[]>;
  /** Tells the default collation. */
  options(options?: object): Promise<object>;
  /** Reports the changes of other processes, to drop records from a cache. */
  watch?(pipeline: object[], options?: object): MongoChangeStream;
}

/**
 * What this library uses of a `ChangeStream` of the official driver.
 *
 * @public
 */
export interface MongoChangeStream {
  /** Whether it has ended. */
  readonly closed: boolean;
  /** The next change, or `null` after a second without one. */
  tryNext(): Promise<object | null>;
  /** Calls `listener` when the server has opened the stream. */
  once(event: 'resumeTokenChanged', listener: () => void): unknown;
  /** Ends the stream. */
  close(): Promise<void>;
}

/**
 * What this library uses of a `FindCursor` of the official driver.
 *
 * @public
 */
export interface MongoCursor {
  /** All documents. */
  toArray(): Promise<object[]>;
  /** Whether there is another document; fetches the next batch if need be. */
  hasNext(): Promise<boolean>;
  /** The rest of the batch that was fetched. */
  readBufferedDocuments(): object[];
  /** Frees the cursor on the server. */
  close(): Promise<void>;
}

/**
 * What this library uses of a `Db` of the official driver.
 *
 * @public
 */
export interface MongoDatabase {
  /** The collection with that name. */
  collection(name: string): MongoCollection;
}

/**
 * A database or a collection, a promise of one, or a function that returns one when it is first
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

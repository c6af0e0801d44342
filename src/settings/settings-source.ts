/**
 * Where a running application keeps its settings in the clear. MongoDB is built in; implement this
 * for anything else.
 *
 * @public
 */
export interface SettingsSource {
  /** What reports call it. */
  readonly name: string;
  /**
   * Documents in batches, always in the same order: the first of a tenant is the one that counts.
   *
   * @param query - `tenantIds`: documents of other tenants may be left out
   */
  scan(query: SettingsQuery): AsyncIterable<SettingsDocument[]>;
  /** Optional: how many documents there are, for the progress. */
  count?(): Promise<number>;
  /**
   * Removes fields of documents, each only where it still has the value that was read.
   *
   * @returns for each document, the names of the fields that it no longer has with that value
   */
  erase(erasures: readonly SettingsErasure[]): Promise<readonly (readonly string[])[]>;
}

/**
 * What {@link SettingsSource.scan} goes through.
 *
 * @public
 */
export interface SettingsQuery {
  /** Documents per batch, at most. */
  readonly batchSize: number;
  /** The fields that will be looked at. */
  readonly fields: readonly string[];
  /** Only documents of these tenants are needed. */
  readonly tenantIds?: readonly string[];
}

/**
 * One document of settings.
 *
 * @public
 */
export interface SettingsDocument {
  /** Its id in the source, of any type. */
  readonly id: unknown;
  /** The document, at least with the fields asked for and what tells its tenant. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Fields to remove from one document, with the values that were read.
 *
 * @public
 */
export interface SettingsErasure {
  readonly id: unknown;
  readonly fields: Readonly<Record<string, unknown>>;
}

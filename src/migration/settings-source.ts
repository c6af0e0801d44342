/**
 * Where a running application keeps its settings in the clear. MongoDB is built in; implement this
 * for anything else.
 *
 * @public
 */
export interface SettingsSource {
  /** The name of the source in reports. */
  readonly name: string;
  /**
   * Documents in batches, always in the same order: of two documents of a tenant, the first one
   * counts. The more a source leaves out, as the query allows, the less there is to read.
   */
  scan(query: SettingsQuery): AsyncIterable<SettingsDocument[]>;
  /** Optional: about how many documents there are, for the progress. */
  count?(): Promise<number>;
  /**
   * Optional: whether the documents of one tenant can be found without reading all of them. If they
   * cannot, a vault that migrates at first use reads the whole source, at most every 30 seconds, to
   * note which documents belong to which tenant. Without this method, the vault finds out from what
   * `scan` returns.
   */
  findsTenants?(): Promise<boolean>;
  /**
   * Removes fields of documents, each only where it still has the value that was read.
   *
   * @returns for each document, the names of the fields that it no longer has with that value
   */
  erase(erasures: readonly SettingsErasure[]): Promise<readonly (readonly string[])[]>;
}

/**
 * Which documents {@link SettingsSource.scan} returns, and how.
 *
 * @public
 */
export interface SettingsQuery {
  /** Documents per batch, at most. */
  readonly batchSize: number;
  /** The fields that will be looked at. */
  readonly fields: readonly string[];
  /** If given, documents of other tenants may be left out. */
  readonly tenantIds?: readonly string[];
  /** If given, documents with other ids may be left out. */
  readonly ids?: readonly unknown[];
  /** The `place` of a document: those up to it may be left out. */
  readonly after?: string;
}

/**
 * One document of settings.
 *
 * @public
 */
export interface SettingsDocument {
  /** Its id in the source, of any type. */
  readonly id: unknown;
  /** The document, at least with the fields asked for and those that tell its tenant. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Optional: where the document is in the order of the source, so that a migration can resume. */
  readonly place?: string;
  /** Optional: why the document must not be migrated. It is reported as failed. */
  readonly problem?: string;
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

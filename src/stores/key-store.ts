/**
 * Where the data keys of tenants are kept, each wrapped by a key of a KMS [K6]. It may be another
 * database than that of the records, with backups of its own. A store never sees a key.
 *
 * - [S1] There is at most one entry per tenant, compared exactly, whoever writes at the same time.
 * - [S2] A read returns what was written, unknown members included; changing a returned entry does
 *   not change the stored one.
 * - [S3] `put` is a compare-and-set on `etag` of the stored entry, also between processes: the
 *   database itself decides. `null` means that no entry must exist.
 * - [S4] A `put` that returned `true` is visible to every read that starts afterwards, in any
 *   process, and survives a crash: what the key seals next could not be opened without it.
 * - [S5] A `put` that returned `false` has changed nothing.
 * - [S7] Failures are a `VaultError`: `ERR_STORE_UNAVAILABLE` when trying again may help, else
 *   `ERR_STORE_FAILED`.
 * - [S8] Replaced content is gone, so that a key that was erased is.
 * - [S9] `init` is idempotent, and safe to race.
 * - [S10] `scan` returns, in order and once, every entry that exists from its start to its end.
 *
 * `describeKeyStore` of `provider-vault/testing` checks a store against these rules.
 *
 * @public
 */
export interface KeyStore {
  /** The entry of a tenant. */
  get(tenantId: string): Promise<KeyEntry | undefined>;

  /**
   * Writes an entry if the stored one has the etag `expected`.
   *
   * @param entry - whole, with a new etag and the unknown members that the caller read
   * @param expected - the etag that the caller has seen; `null`: there must be no entry
   * @returns whether it was written; `false` when another write came first
   */
  put(entry: KeyEntry, expected: string | null): Promise<boolean>;

  /**
   * All entries, in batches, ordered by tenant, compared by code point, as UTF-8 is by bytes. A scan
   * returns every entry that exists from its start to its end; it may or may not return others.
   */
  scan(query: KeyScanQuery): AsyncIterable<KeyEntry[]>;

  /** Optional: makes tables or files. Idempotent, and safe to race. */
  init?(): Promise<void>;
}

/**
 * The keys of one tenant. Entries are never deleted: the numbers of keys go on, and a tenant that
 * was erased is remembered.
 *
 * @public
 */
export interface KeyEntry {
  readonly tenantId: string;
  /** 16 characters of base64 (12 random bytes), different after every write. */
  readonly etag: string;
  /** The number of the key that seals, or that sealed last; 0 before the first one. */
  readonly current: number;
  /** The keys, by number. */
  readonly keys: readonly StoredKey[];
  /** The tombstone of a tenant that was erased; it stays, also when the tenant gets a new key. */
  readonly erased?: KeyErasure;
  readonly [unknownMember: string]: unknown;
}

/**
 * A wrapped data key.
 *
 * @public
 */
export interface StoredKey {
  /** From 1; no two keys of a tenant have the same, erased ones included. */
  readonly number: number;
  /** `t<number>-<8 hex digits>`: the id of the key that records name [R5]. */
  readonly keyId: string;
  /** `id` of the `KeyWrapper` that wrapped it. */
  readonly wrapper: string;
  /** What the wrapper made of the 32 bytes: base64. */
  readonly wrapped: string;
  readonly createdAt: Date;
}

/**
 * Which keys of a tenant were erased.
 *
 * @public
 */
export interface KeyErasure {
  readonly at: Date;
  /** Keys up to this number are never handed out again. While `current` is one of them, the tenant is erased. */
  readonly through: number;
}

/**
 * What {@link KeyStore.scan} goes through.
 *
 * @public
 */
export interface KeyScanQuery {
  /** Entries per batch, at most. @defaultValue 100 */
  readonly batchSize?: number;
  /** Begin after this tenant. @defaultValue the first */
  readonly after?: string;
  /** End with this tenant, whose entry belongs to the scan. @defaultValue the last */
  readonly until?: string;
}

import { invalidArgument } from '../errors.ts';
import type { SecretRecord, SecretRef } from '../record.ts';

/**
 * Where records are kept. A store never sees a plaintext or a key.
 *
 * - [S1] A record is addressed by `tenantId` and `provider`, compared exactly. There is at most one
 *   per address, whoever writes at the same time.
 * - [S2] A read returns what was written, unknown members included; changing a returned record does
 *   not change the stored one.
 * - [S3] `put` is a compare-and-set on the etag of the stored record (`etag(record)`), also between
 *   processes: the database itself decides, not a comparison before the write. `null` means that no
 *   record must exist. `""` means that the stored `data` has no etag; it never matches as a prefix.
 * - [S4] A `put` that returned `true` is visible to every read that starts afterwards, in any process.
 * - [S5] A `put` that returned `false` has changed nothing.
 * - [S6] Members that the store holds and the caller did not read survive, where the store can
 *   write parts of a record.
 * - [S7] Failures are a `VaultError`: `ERR_STORE_UNAVAILABLE` when trying again may help, else
 *   `ERR_STORE_FAILED`.
 * - [S8] Replaced and deleted content is gone. The vault keeps earlier versions inside the record.
 * - [S9] `init` is idempotent, and safe to race.
 * - [S10] `scan` returns, in order and once, every record that exists from its start to its end.
 * - [S11] `watch`, where a store has it, reports every change made after it resolved.
 * - [S12] `find`, where a store has it, compares whole digests, exactly.
 *
 * `describeSecretStore` of `provider-vault/testing` checks a store against these rules.
 *
 * @public
 */
export interface SecretStore {
  /** The record at `ref`. */
  get(ref: SecretRef, options?: StoreReadOptions): Promise<SecretRecord | undefined>;

  /** The records that exist among `refs`, in any order, in one round trip. */
  getMany(refs: readonly SecretRef[], options?: StoreReadOptions): Promise<SecretRecord[]>;

  /** All records of a tenant, by provider. */
  list(tenantId: string, options?: StoreReadOptions): Promise<SecretRecord[]>;

  /**
   * Writes a record if the stored one has the etag `expected`.
   *
   * @param record - whole, with its new revision and the unknown members that the caller read
   * @param expected - the etag that the caller has seen; `null`: there must be no record
   * @returns whether it was written; `false` when another write came first
   */
  put(record: SecretRecord, expected: string | null): Promise<boolean>;

  /** {@link SecretStore.put} for each of `writes`, in as few round trips as the store can. */
  putMany(writes: readonly StoreWrite[]): Promise<boolean[]>;

  /**
   * Removes a record, with its history.
   *
   * @param expected - if given, the record is removed only while it has this etag
   * @returns whether a record was removed
   */
  delete(ref: SecretRef, expected?: string): Promise<boolean>;

  /**
   * All records, in batches, ordered by tenant and provider as the store compares strings: by code
   * point, so that a range means the same in another store. A scan returns every record that exists
   * from its start to its end; it may or may not return others.
   */
  scan(query: ScanQuery): AsyncIterable<SecretRecord[]>;

  /**
   * Optional, for `findTenants`: the tenants that have a record of `provider` whose `metadata.lookup`
   * has any of `digests`; with an index, whatever the number of tenants.
   */
  find?(lookup: StoreLookup): Promise<string[]>;

  /** Optional: how many records there are, for the progress of long operations. */
  count?(): Promise<number>;

  /**
   * Optional: at most `parts` ranges of about equal size, for machines that share a long operation.
   * Each begins where the one before ends, and together they hold every address, those of later
   * records included. Call it once and hand the ranges out: another call gives other ranges.
   */
  split?(parts: number): Promise<ScanRange[]>;

  /**
   * Optional: reports every change made from then on, also by other processes.
   *
   * @param listener - gets the address; must not throw
   * @param onGap - is called when changes may have been missed, as after a lost connection; a cache
   * then drops everything. While changes go on being missed, pass a promise that is fulfilled when the
   * store listens again: the vault bypasses its cache until then, and for good if it is rejected. A store
   * that cannot miss a change may ignore it.
   * @returns a function that stops it; after that resolves, nothing is reported any more
   * @throws VaultError `ERR_STORE_FAILED` where changes cannot be reported
   */
  watch?(
    listener: (ref: SecretRef) => void,
    onGap?: (restored?: Promise<void>) => void,
  ): Promise<() => Promise<void>>;

  /** Optional: makes indexes or files. Idempotent, and safe to race. */
  init?(): Promise<void>;

  /** Optional: releases what the store opened itself, never what it was given. */
  close?(): Promise<void>;
}

/**
 * What a reader needs of a record.
 *
 * @public
 */
export interface StoreReadOptions {
  /**
   * `false`: the caller does not need the earlier versions, so that a store may leave out
   * `history`, which is most of a record.
   *
   * @defaultValue `true`
   */
  readonly history?: boolean;
}

/**
 * One write of {@link SecretStore.putMany}.
 *
 * @public
 */
export interface StoreWrite {
  readonly record: SecretRecord;
  /** The etag of the stored record; `null`: there must be none. */
  readonly expected: string | null;
  /**
   * Optional: the whole record with the etag `expected`, as the caller has read it. A store that can write
   * parts of a record may leave out what is the same in both.
   */
  readonly stored?: SecretRecord | undefined;
}

/**
 * What {@link SecretStore.find} looks for.
 *
 * @public
 */
export interface StoreLookup {
  readonly provider: string;
  /** The field that the digests are of. */
  readonly field: string;
  /** Entries of `metadata.lookup`, whole: `field:<key id>:<digest>`. */
  readonly digests: readonly string[];
}

/**
 * Which records {@link SecretStore.scan} returns, and how.
 *
 * @public
 */
export interface ScanQuery extends ScanRange {
  /** Records per batch, at most. @defaultValue 100 */
  readonly batchSize?: number;
  /** Only records whose `metadata.keyId` is this. */
  readonly keyId?: string;
}

/**
 * A part of the records, in the order of {@link SecretStore.scan}.
 *
 * @public
 */
export interface ScanRange {
  /** Begin after this address. @defaultValue the first record */
  readonly after?: SecretRef;
  /** End with this address, which belongs to the range. @defaultValue the last record */
  readonly until?: SecretRef;
}

/** @internal */
export const DEFAULT_SCAN_BATCH = 100;

/** @throws VaultError `ERR_INVALID_ARGUMENT` @internal */
export function assertParts(parts: number): void {
  if (Number.isSafeInteger(parts) && parts >= 1) return;
  throw invalidArgument('The number of parts must be a positive integer.');
}

/** The ranges that end with each of some addresses, in order, and the one behind them. @internal */
export function rangesBetween(bounds: readonly SecretRef[]): ScanRange[] {
  return [...bounds, undefined].map((last, at) => {
    const after = addressOnly(bounds[at - 1]);
    const until = addressOnly(last);
    return { ...(after && { after }), ...(until && { until }) };
  });
}

function addressOnly(ref: SecretRef | undefined): SecretRef | undefined {
  return ref && { tenantId: ref.tenantId, provider: ref.provider };
}

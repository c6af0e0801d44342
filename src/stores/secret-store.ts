import type { SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';

/**
 * Where records are kept. A store never sees a plaintext or a key.
 *
 * - [S1] A record is addressed by `tenantId` and `provider`, compared exactly. There is at most one
 *   of each, whoever writes at the same time.
 * - [S2] What was written is what is read, unknown members included; what was returned can be
 *   changed by the caller without changing what is stored.
 * - [S3] `put` is a compare-and-set on `metadata.rev`, also between processes: what is behind the
 *   store has to decide, not a comparison before the write. A record without one counts as rev 0.
 * - [S4] `put` that returned `true` is visible to every read that starts afterwards, in any process.
 * - [S5] `put` that returned `false` has changed nothing.
 * - [S6] Members that the store holds and the caller did not read survive, where the store can
 *   write parts of a record.
 * - [S7] Failures are a `VaultError`: `ERR_STORE_UNAVAILABLE` when trying again may help, else
 *   `ERR_STORE_FAILED`.
 * - [S8] What was replaced or deleted is gone. The vault keeps earlier versions inside the record.
 * - [S9] `init` is idempotent, and safe to race.
 * - [S10] `scan` gives every record once that is there from its start to its end, in order.
 * - [S11] `watch`, where there is one, tells of every change that is made after it resolved.
 *
 * `describeSecretStore` of `provider-vault/testing` checks a store against these rules.
 *
 * @public
 */
export interface SecretStore {
  /** The record at `ref`. */
  get(ref: SecretRef): Promise<SecretRecord | undefined>;

  /** The records that exist among `refs`, in any order, in one round trip. */
  getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]>;

  /** All records of a tenant, by provider. */
  list(tenantId: string): Promise<SecretRecord[]>;

  /**
   * Writes a record, if the stored one has revision `expectedRev`.
   *
   * @param record - whole, with its new revision and what the caller read of unknown members
   * @param expectedRev - 0 with no record stored: it must not exist
   * @param seen - `data` of the record that the caller read, `null` if there was none. A store may
   * compare it too: it tells apart what the revision cannot, as a write of the old system, or a
   * record that was deleted and made anew.
   * @returns whether it was written; `false` when another write came first
   */
  put(record: SecretRecord, expectedRev: number, seen?: string | null): Promise<boolean>;

  /** {@link SecretStore.put} for each of `writes`, in as few round trips as the store can. */
  putMany(writes: readonly StoreWrite[]): Promise<boolean[]>;

  /**
   * Optional: {@link SecretStore.put} for a caller that has not read the record, in one round trip.
   * The store keeps `createdAt` and unknown members, and moves the replaced version to the front of
   * `history`, which then holds at most `keep` versions. Without it the vault reads first.
   */
  supersede?(record: SecretRecord, expectedRev: number, keep: number): Promise<boolean>;

  /**
   * @param expectedRev - if given, the record is only removed at this revision
   * @returns whether there was a record to remove
   */
  delete(ref: SecretRef, expectedRev?: number): Promise<boolean>;

  /**
   * All records, in batches, ordered by tenant and provider as the store compares strings. A scan
   * sees every record that exists from its start to its end; others it may see or not.
   */
  scan(query: ScanQuery): AsyncIterable<SecretRecord[]>;

  /** Optional: how many records there are, for the progress of long operations. */
  count?(): Promise<number>;

  /**
   * Optional: tells of every change that is made from then on, also by other processes.
   *
   * @param listener - gets the address; must not throw
   * @param onGap - is called when changes may have been missed, as after a lost connection: whoever
   * keeps records drops them all. A store that cannot miss any may ignore it.
   * @returns a function that stops it: when it is done, nothing is told any more
   * @throws VaultError `ERR_STORE_FAILED` where changes cannot be told of
   */
  watch?(listener: (ref: SecretRef) => void, onGap?: () => void): Promise<() => Promise<void>>;

  /** Optional: makes indexes or files. Idempotent, and safe to race. */
  init?(): Promise<void>;

  /** Optional: releases what the store opened itself, never what it was given. */
  close?(): Promise<void>;
}

/**
 * One write of {@link SecretStore.putMany}.
 *
 * @public
 */
export interface StoreWrite {
  readonly record: SecretRecord;
  readonly expectedRev: number;
  readonly seen?: string | null;
}

/**
 * What {@link SecretStore.scan} goes through.
 *
 * @public
 */
export interface ScanQuery {
  /** Records per batch, at most. @defaultValue 100 */
  readonly batchSize?: number;
  /** Begin behind this address: the last one of an earlier scan. */
  readonly after?: SecretRef;
  /** Only records whose `metadata.keyId` is this. */
  readonly keyId?: string;
}

/** @internal */
export const DEFAULT_SCAN_BATCH = 100;

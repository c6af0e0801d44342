import { setTimeout as sleep } from 'node:timers/promises';
import { abortError } from '../core/audited.ts';
import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { nextRecord } from '../core/write.ts';
import { isVaultError, recordErrorCodeOrThrow, VaultError } from '../errors.ts';
import { reservedName } from '../names.ts';
import { decodeRecord, etag, type RecordView, refKey, type SecretRef } from '../record.ts';

// A lease lets one process at a time do what must not be done twice, such as the use of a token that
// can be used once. It is a record of its own [R8], so that the credential keeps its etag and history.
// Who holds it, wrote it: its etag is a random IV, which names that one write.
//
// Nobody compares the clocks of two machines. A lease ends for its holder `leaseMs` after the write
// was sent, on the holder's own monotonic clock; for a waiter `leaseMs` after it has seen that write,
// on the waiter's. The holder therefore always stops first. A holder that was asleep cannot know what
// happened meanwhile: before each step it asks `msLeft`, and its writes carry the etag it has read.

/** What a lease is for, and for how long. @internal */
export interface LeaseOptions {
  readonly tenantId: string;
  /** What only one may do at a time: `refresh/google`. */
  readonly name: string;
  /** Milliseconds after which others may take it over. */
  readonly leaseMs: number;
  /** Milliseconds to wait for one that somebody else holds; 0 tries once. */
  readonly waitMs: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/** A lease that is held. @internal */
export interface Lease {
  /** Milliseconds until others may take it over; 0 when it has ended. Ask right before each step. */
  msLeft(): number;
  /**
   * Begins the lease time anew.
   *
   * @throws VaultError `ERR_LEASE_TIMEOUT` when somebody else has taken it over
   */
  renew(): Promise<void>;
}

/** Pauses of a waiter: short at first, as most holders are done soon. */
const FIRST_PAUSE_MS = 20;
const MAX_PAUSE_MS = 250;
/** A waiter looks at least so often within the lease time. */
const LOOKS_PER_LEASE = 4;
/** What a record may say of its lease time, at most. */
const MAX_LEASE_MS = 3_600_000;
const MAX_SIGHTINGS = 10_000;

/** A lease of somebody else, as this process has seen it. */
interface Sighting {
  readonly etag: string;
  /** Its lease time. */
  readonly leaseMs: number;
  readonly since: number;
  last: number;
}

// Kept between calls: callers that do not wait would otherwise never see the end of a lease whose
// holder has died.
const sightings = new WeakMap<VaultCore, Map<string, Sighting>>();

/**
 * Takes a lease, runs `use`, and gives the lease back, whatever comes of it.
 *
 * @throws VaultError `ERR_LEASE_TIMEOUT` when somebody else holds it for longer than `waitMs`;
 * `ERR_ABORTED`; the errors of the store and of the keys
 * @internal
 */
export async function withLease<T>(
  core: VaultCore,
  options: LeaseOptions,
  use: (lease: Lease) => Promise<T>,
): Promise<T> {
  const lease = await takeLease(core, options);
  try {
    return await use(lease);
  } finally {
    await lease.release();
  }
}

async function takeLease(core: VaultCore, options: LeaseOptions): Promise<HeldLease> {
  const { tenantId, name, leaseMs, waitMs, signal } = options;
  const ref = { tenantId, provider: reservedName('lease', name) };
  const deadline = performance.now() + waitMs;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    if (signal?.aborted) throw abortError(signal);
    const stored = await readLease(core, ref);
    if (stored === undefined || (await hasEnded(core, stored, leaseMs))) {
      const lease = new HeldLease(core, ref, leaseMs);
      if (await lease.write(stored)) return lease;
    }
    const left = deadline - performance.now();
    if (left <= 0) throw notHad(ref);
    // Of random length, so that those who wait for the same holder do not come at once.
    const longest = Math.min(pause, leaseMs / LOOKS_PER_LEASE, left);
    await sleep(longest * (1 + Math.random()) * 0.5, undefined, { signal }).catch(() => {});
    pause = Math.min(2 * pause, MAX_PAUSE_MS);
  }
}

class HeldLease implements Lease {
  readonly #core: VaultCore;
  readonly #ref: SecretRef;
  readonly #leaseMs: number;
  #held: RecordView | undefined;
  #until = 0;

  constructor(core: VaultCore, ref: SecretRef, leaseMs: number) {
    this.#core = core;
    this.#ref = ref;
    this.#leaseMs = leaseMs;
  }

  msLeft(): number {
    return Math.max(0, this.#until - performance.now());
  }

  async renew(): Promise<void> {
    if (!(await this.write(this.#held))) throw notHad(this.#ref);
  }

  /** Writes the lease in the place of `stored`. @returns whether it is held then */
  async write(stored: RecordView | undefined): Promise<boolean> {
    const core = this.#core;
    const content = { fields: { leaseMs: String(this.#leaseMs) }, history: [] };
    const next = await nextRecord(core, this.#ref, stored, content, undefined);
    const sent = performance.now();
    if (!(await putOrReadBack(core, next, stored?.etag))) return false;
    this.#held = next;
    this.#until = sent + this.#leaseMs;
    return true;
  }

  /** Only its own write: after a takeover the record is somebody else's. */
  async release(): Promise<void> {
    const { etag } = this.#held as RecordView;
    const remove = () => this.#core.store.delete(this.#ref, etag);
    // Where it cannot be removed, it ends by itself: what it was held for is done.
    await remove()
      .catch(remove)
      .catch(() => {});
  }
}

/** A write whose answer is lost may have been done: its etag tells. */
async function putOrReadBack(
  core: VaultCore,
  { ref, record, etag: own }: RecordView,
  expected: string | undefined,
): Promise<boolean> {
  try {
    return await core.store.put(record, expected ?? null);
  } catch (error) {
    if (!isVaultError(error, 'ERR_STORE_UNAVAILABLE')) throw error;
    const stored = await core.store.get(ref, { history: false }).catch(() => undefined);
    if (stored === undefined || etag(stored) !== own) throw error;
    return true;
  }
}

async function readLease(core: VaultCore, ref: SecretRef): Promise<RecordView | undefined> {
  const record = await core.store.get(ref, { history: false });
  if (record !== undefined) return decodeRecord(record);
  sightings.get(core)?.delete(refKey(ref));
  return undefined;
}

/**
 * Whether this process has seen the same lease for its whole lease time. After a gap as long as that,
 * as while the store was down, it begins to count anew: the holder may need the time to finish.
 */
async function hasEnded(core: VaultCore, stored: RecordView, ownMs: number): Promise<boolean> {
  const key = refKey(stored.ref);
  const seen = sightings.get(core) ?? new Map<string, Sighting>();
  sightings.set(core, seen);
  const now = performance.now();
  const known = seen.get(key);
  if (known?.etag === stored.etag && now - known.last <= known.leaseMs) {
    known.last = now;
    return now - known.since >= known.leaseMs;
  }
  const leaseMs = await storedLeaseMs(core, stored, ownMs);
  seen.delete(key);
  // From after the read, which is the later moment.
  const since = performance.now();
  seen.set(key, { etag: stored.etag, leaseMs, since, last: since });
  if (seen.size > MAX_SIGHTINGS) seen.delete(seen.keys().next().value as string);
  return false;
}

/** The lease time that the holder has written; one's own where the lease cannot be opened [R8]. */
async function storedLeaseMs(core: VaultCore, stored: RecordView, ownMs: number): Promise<number> {
  try {
    const { leaseMs } = (await openVersion(core, stored.ref, stored, 'accept')).fields;
    const written = Number(leaseMs);
    return written > 0 && written <= MAX_LEASE_MS ? written : ownMs;
  } catch (error) {
    recordErrorCodeOrThrow(error);
    return ownMs;
  }
}

function notHad({ tenantId, provider }: SecretRef): VaultError {
  return new VaultError(
    'ERR_LEASE_TIMEOUT',
    `Another process holds "${provider}" of tenant "${tenantId}". Try again later.`,
  );
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditTrail } from '../audit/audit-trail.ts';
import { VaultError } from '../errors.ts';
import type { FieldMap } from '../providers/fields.ts';
import type { ProviderRegistry } from '../providers/registry.ts';
import { infoOf, revOf, type SecretInfo, type SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import { supersede } from '../stores/record-merge.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import { describe, type Sealer } from './sealer.ts';

/**
 * Options of a write.
 *
 * @public
 */
export interface WriteOptions {
  /** Write only if the record has this revision; 0: only if there is none. */
  readonly expectedRev?: number;
  /** Who writes: kept in `metadata.updatedBy` and in the audit trail. */
  readonly actor?: string;
  /** Why, for the audit trail. */
  readonly reason?: string;
  /** Stops the retries of a contended write. */
  readonly signal?: AbortSignal;
}

// A write that loses a race reads again and tries again, after a pause of random length, so that
// many writers of one record spread out. 64 tries outlast a hundred writers of one record.
const MAX_ATTEMPTS = 64;
const MAX_PAUSE_MS = 64;

/**
 * Reads and writes records: what the public `SecretsVault`, the client factories and the long
 * operations share.
 *
 * @internal
 */
export class VaultCore {
  readonly store: SecretStore;
  readonly sealer: Sealer;
  readonly registry: ProviderRegistry;
  readonly trail: AuditTrail;
  /** Earlier versions kept in each record. */
  readonly keep: number;
  readonly now: () => Date;

  constructor(parts: Pick<VaultCore, 'store' | 'sealer' | 'registry' | 'trail' | 'keep' | 'now'>) {
    this.store = parts.store;
    this.sealer = parts.sealer;
    this.registry = parts.registry;
    this.trail = parts.trail;
    this.keep = parts.keep;
    this.now = parts.now;
  }

  /**
   * Writes what `produce` makes of the stored record, as a compare-and-set: it is called again
   * with the newer record each time another writer was faster.
   *
   * @throws VaultError `ERR_CONFLICT` when the record is not at `expectedRev`, or stays contended
   */
  async write(
    ref: SecretRef,
    options: WriteOptions,
    produce: (stored: SecretRecord | undefined) => FieldMap | Promise<FieldMap>,
  ): Promise<SecretInfo> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      options.signal?.throwIfAborted();
      const stored = await this.store.get(ref);
      const rev = revOf(stored);
      if (options.expectedRev !== undefined && options.expectedRev !== rev) {
        throw conflict(ref, `is at revision ${rev}, not ${options.expectedRev}`);
      }
      const next = await this.reseal(ref, stored, await produce(stored), options.actor);
      if (await this.store.put(next, rev, stored?.data ?? null)) return infoOf(next);
      await sleep(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS));
    }
    throw conflict(ref, `was changed by others ${MAX_ATTEMPTS} times while it was written`);
  }

  /**
   * {@link VaultCore.write} of fields that do not depend on the stored ones, at a known revision:
   * one round trip where the store can.
   */
  async replace(ref: SecretRef, options: WriteOptions, fields: FieldMap): Promise<SecretInfo> {
    const { expectedRev, actor } = options;
    if (expectedRev === undefined || this.store.supersede === undefined) {
      return this.write(ref, options, () => fields);
    }
    options.signal?.throwIfAborted();
    const next = await this.#sealNext(ref, expectedRev, fields, actor);
    if (await this.store.supersede(next, expectedRev, this.keep)) return infoOf(next);
    throw conflict(ref, `is not at revision ${expectedRev}`);
  }

  /** The record that follows `stored`: new content, and everything else of it kept [R7]. */
  async reseal(
    ref: SecretRef,
    stored: SecretRecord | undefined,
    fields: FieldMap,
    actor: string | undefined,
  ): Promise<SecretRecord> {
    const next = await this.#sealNext(ref, revOf(stored), fields, actor);
    return supersede(stored, next, this.keep);
  }

  async #sealNext(
    ref: SecretRef,
    replacedRev: number,
    fields: FieldMap,
    actor: string | undefined,
  ): Promise<SecretRecord> {
    const rev = replacedRev + 1;
    const { data, keyId } = await this.sealer.seal(ref, rev, fields);
    const at = this.now();
    return {
      tenantId: ref.tenantId,
      provider: ref.provider,
      data,
      metadata: {
        rev,
        keyId,
        createdAt: at,
        updatedAt: at,
        ...(actor !== undefined && { updatedBy: actor }),
      },
    };
  }
}

function conflict(ref: SecretRef, what: string): VaultError {
  return new VaultError('ERR_CONFLICT', `${describe(ref)} ${what}. Read it again and retry.`);
}

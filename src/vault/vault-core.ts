import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry, AuditTrail } from '../audit/audit-trail.ts';
import { VaultError } from '../errors.ts';
import type { FieldMap } from '../providers/fields.ts';
import type { ProviderRegistry } from '../providers/registry.ts';
import { infoOf, revOf, type SecretInfo, type SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import type { MigrationOnFirstUse } from '../settings/first-use.ts';
import { supersede } from '../stores/record-merge.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import type { FlatKeys } from './flat-keys.ts';
import type { WriteOptions } from './operation-options.ts';
import { type AuditedWrite, putMany } from './put-many.ts';
import type { RecordReader } from './record-reader.ts';
import { describe, type Sealer } from './sealer.ts';

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
  /** Where records are written, and read for that. */
  readonly store: SecretStore;
  /** Reads records for everybody else. */
  readonly records: RecordReader;
  readonly sealer: Sealer;
  readonly registry: ProviderRegistry;
  readonly trail: AuditTrail;
  readonly flatKeys: FlatKeys;
  /** Earlier versions kept in each record. */
  readonly keep: number;
  readonly now: () => Date;
  /** Brings in a tenant's old settings, where the vault was told of them. */
  readonly firstUse: MigrationOnFirstUse | undefined;

  constructor(
    parts: Pick<
      VaultCore,
      | 'store'
      | 'records'
      | 'sealer'
      | 'registry'
      | 'trail'
      | 'flatKeys'
      | 'keep'
      | 'now'
      | 'firstUse'
    >,
  ) {
    this.store = parts.store;
    this.records = parts.records;
    this.sealer = parts.sealer;
    this.registry = parts.registry;
    this.trail = parts.trail;
    this.flatKeys = parts.flatKeys;
    this.keep = parts.keep;
    this.now = parts.now;
    this.firstUse = parts.firstUse;
  }

  /**
   * Writes what `produce` makes of the stored record, as a compare-and-set: it is called again
   * with the newer record each time another writer was faster. Where it gives `undefined`, nothing
   * is written.
   *
   * @returns what is known of the record as it then is
   * @throws VaultError `ERR_CONFLICT` when the record is not at `expectedRev`, or stays contended
   */
  async write<F extends FieldMap | undefined>(
    ref: SecretRef,
    options: WriteOptions,
    produce: (stored: SecretRecord | undefined) => F | Promise<F>,
    entry?: AuditEntry,
  ): Promise<SecretInfo | (undefined extends F ? undefined : never)> {
    await this.firstUse?.ensure(ref.tenantId);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      options.signal?.throwIfAborted();
      const stored = await this.store.get(ref);
      const rev = revOf(stored);
      if (options.expectedRev !== undefined && options.expectedRev !== rev) {
        throw conflict(ref, `is at revision ${rev}, not ${options.expectedRev}`);
      }
      const fields = await produce(stored);
      if (fields === undefined) return (stored && infoOf(stored)) as SecretInfo;
      const next = await this.reseal(ref, stored, fields, options.actor);
      const put = () => this.store.put(next, rev, stored?.data ?? null);
      if (await this.#change(next, put, entry)) return infoOf(next);
      await sleep(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS));
    }
    throw conflict(ref, `was changed by others ${MAX_ATTEMPTS} times while it was written`);
  }

  /**
   * {@link VaultCore.write} of fields that do not depend on the stored ones, at a known revision:
   * one round trip where the store can.
   */
  async replace(
    ref: SecretRef,
    options: WriteOptions,
    fields: FieldMap,
    entry?: AuditEntry,
  ): Promise<SecretInfo> {
    const { expectedRev, actor } = options;
    const { store, keep } = this;
    if (expectedRev === undefined || store.supersede === undefined) {
      return this.write(ref, options, () => fields, entry);
    }
    await this.firstUse?.ensure(ref.tenantId);
    options.signal?.throwIfAborted();
    const next = await this.#sealNext(ref, expectedRev, fields, actor);
    const put = async () => Boolean(await store.supersede?.(next, expectedRev, keep));
    if (await this.#change(next, put, entry)) return infoOf(next);
    throw conflict(ref, `is not at revision ${expectedRev}`);
  }

  /** Removes a record, with its history. */
  async remove(ref: SecretRef, options: WriteOptions, entry: AuditEntry): Promise<boolean> {
    const { expectedRev } = options;
    await this.firstUse?.ensure(ref.tenantId); // else what is removed would come back from there
    options.signal?.throwIfAborted();
    await entry.announce({ rev: expectedRev });
    const removed = await this.records.whileWriting(ref, () => this.store.delete(ref, expectedRev));
    if (!removed && expectedRev !== undefined)
      throw conflict(ref, `is not at revision ${expectedRev}`);
    return removed;
  }

  /** Many compare-and-sets; each leaves an event. @returns which were done */
  putMany(writes: readonly AuditedWrite[]): Promise<boolean[]> {
    return putMany(this, writes);
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

  async #change(
    next: SecretRecord,
    write: () => Promise<boolean>,
    entry: AuditEntry | undefined,
  ): Promise<boolean> {
    const { rev, keyId } = infoOf(next);
    await entry?.announce({ rev, keyId });
    return this.records.whileWriting(next, write);
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

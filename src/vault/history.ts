import { audited } from '../core/audited.ts';
import type { ReadOptions, WriteOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { writeRecord } from '../core/write.ts';
import { VaultError } from '../errors.ts';
import type { ProviderRef } from '../providers/fields.ts';
import {
  decodeRecord,
  earlierVersions,
  type RecordView,
  recordInfo,
  recordLabel,
  type SealedVersion,
  type SecretInfo,
} from '../record.ts';

/**
 * An earlier version of a record's content, which is kept sealed.
 *
 * @public
 */
export interface SecretVersion {
  readonly rev: number;
  readonly keyId: string | undefined;
  /** When it was written. */
  readonly updatedAt: Date | undefined;
  readonly updatedBy?: string;
}

/** The earlier versions of a record, newest first; nothing is opened. @internal */
export async function listVersions(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  options: ReadOptions,
): Promise<SecretVersion[]> {
  return audited(core, 'history', tenantId, provider, options, async ({ ref }) => {
    await core.importOnFirstUse?.(ref.tenantId);
    const record = await core.store.get(ref);
    return numberedVersions(record && decodeRecord(record)).map(toSecretVersion);
  });
}

/** Writes the content of an earlier version as a new one. @internal */
export async function rollback(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  rev: number,
  options: WriteOptions,
): Promise<SecretInfo> {
  return audited(
    core,
    'rollback',
    tenantId,
    provider,
    options,
    async ({ ref, definition }, entry) => {
      const written = await writeRecord(core, ref, options, entry, async (stored) => {
        const version = numberedVersions(stored).find((earlier) => earlier.rev === rev);
        if (version === undefined) {
          throw new VaultError(
            'ERR_SECRET_NOT_FOUND',
            `${recordLabel(ref)} keeps no earlier revision of that number.`,
          );
        }
        const { fields } = await openVersion(core, ref, version);
        entry.fields = Object.keys(fields);
        return { fields, definition };
      });
      return recordInfo(written as RecordView);
    },
  );
}

/** Removes the earlier versions of a record. @returns whether there were any @internal */
export async function purgeHistory(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  options: WriteOptions,
): Promise<boolean> {
  return audited(core, 'purge', tenantId, provider, options, async ({ ref, definition }, entry) => {
    let purged = false;
    await writeRecord(core, ref, options, entry, async (stored) => {
      purged = stored !== undefined && stored.record.history !== undefined;
      if (stored === undefined || !purged) return undefined;
      const { fields } = await openVersion(core, stored.ref, stored);
      return { fields, history: [], definition };
    });
    return purged;
  });
}

function numberedVersions(view: RecordView | undefined): readonly SealedVersion[] {
  return view ? earlierVersions(view).filter(({ rev }) => typeof rev === 'number') : [];
}

function toSecretVersion({ rev, keyId, updatedAt, updatedBy }: SealedVersion): SecretVersion {
  return { rev, keyId, updatedAt, ...(updatedBy !== undefined && { updatedBy }) };
}

import { VaultError } from '../errors.ts';
import type { ProviderRef } from '../providers/fields.ts';
import {
  type SealedVersion,
  type SecretInfo,
  type SecretRecord,
  historyOf as storedHistoryOf,
} from '../record/record.ts';
import { operate } from './operation.ts';
import type { ReadOptions, WriteOptions } from './operation-options.ts';
import { describe } from './sealer.ts';
import type { VaultCore } from './vault-core.ts';

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
export async function historyOf(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  options: ReadOptions,
): Promise<SecretVersion[]> {
  return operate(core, 'history', tenantId, provider, options, async ({ ref }) => {
    const record = await core.records.readFresh(ref);
    return versionsOf(record).map(infoOfVersion);
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
  return operate(core, 'rollback', tenantId, provider, options, async ({ ref }, entry) =>
    core.write(
      ref,
      options,
      async (stored) => {
        const version = versionsOf(stored).find((earlier) => earlier.rev === rev);
        if (version === undefined) {
          throw new VaultError(
            'ERR_SECRET_NOT_FOUND',
            `${describe(ref)} keeps no earlier revision of that number.`,
          );
        }
        const { fields } = await core.sealer.open(ref, version);
        entry.fields = Object.keys(fields);
        return fields;
      },
      entry,
    ),
  );
}

function versionsOf(record: SecretRecord | undefined): readonly SealedVersion[] {
  const versions = record === undefined ? [] : storedHistoryOf(record);
  return versions.filter(({ rev }) => typeof rev === 'number');
}

function infoOfVersion({ rev, keyId, updatedAt, updatedBy }: SealedVersion): SecretVersion {
  return { rev, keyId, updatedAt, ...(updatedBy !== undefined && { updatedBy }) };
}

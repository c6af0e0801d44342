import { isVaultError, VaultError } from '../errors.ts';
import { runOn } from '../mongo/run.ts';
import { MongoSettingsSource } from '../mongo/settings.ts';
import type { MongoSource } from '../mongo/types.ts';
import type { TenantOf } from './plaintext.ts';
import { assertSettingsOptions, type SettingsOptions } from './settings-options.ts';
import type { SettingsDocument, SettingsQuery, SettingsSource } from './settings-source.ts';

const TENANT_FIELD = 'user_id';

/** The tenant of a document of the old system [L6]. @internal */
export const userIdOf: TenantOf = (document) => document[TENANT_FIELD];

/**
 * The sources, in the order in which they count.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function openSources(options: SettingsOptions): SettingsSource[] {
  assertSettingsOptions(options);
  const { settings, secrets, tenantOf } = options;
  const tenantField = tenantOf === undefined ? TENANT_FIELD : undefined;
  const open = (source: MongoSource | SettingsSource, name: string): SettingsSource => {
    if ('scan' in source) return source;
    const { collectionName = name } = source as { collectionName?: string };
    const holdsRecords = name === 'secrets';
    return new MongoSettingsSource(runOn(name, source, name), collectionName, {
      tenantField,
      holdsRecords,
    });
  };
  const first = open(settings, 'settings');
  return secrets === undefined ? [first] : [first, open(secrets, 'secrets')];
}

/**
 * {@link SettingsSource.scan}. An error of the source is replaced: it may quote the settings.
 *
 * @internal
 */
export async function* scanSource(
  source: SettingsSource,
  query: SettingsQuery,
): AsyncIterable<SettingsDocument[]> {
  try {
    yield* source.scan(query);
  } catch (error) {
    throw sourceError(error, source, 'read');
  }
}

/** @internal */
export function sourceError(error: unknown, { name }: SettingsSource, verb: string): VaultError {
  if (isVaultError(error)) return error;
  const what = error instanceof Error ? error.name : typeof error;
  return new VaultError(
    'ERR_STORE_FAILED',
    `The settings "${name}" could not be ${verb} (${what}).`,
  );
}

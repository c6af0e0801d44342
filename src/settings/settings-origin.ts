import { invalidArgument, isVaultError, VaultError } from '../errors.ts';
import { runOn } from '../stores/mongo-run.ts';
import type { MongoSource } from '../stores/mongo-types.ts';
import { MongoSettingsSource } from './mongo-settings.ts';
import type { SettingsMapping } from './settings-mapping.ts';
import type { SettingsDocument, SettingsQuery, SettingsSource } from './settings-source.ts';

/**
 * Where old settings are and how they are read.
 *
 * @public
 */
export interface SettingsOrigin {
  /**
   * The settings [L1]: a collection of MongoDB, a database with a collection `settings`, or any
   * source.
   */
  readonly settings: MongoSource | SettingsSource;
  /**
   * The collection `secrets` of the old system, for the plaintext documents that an earlier
   * half-done migration left in it [L2]. Sealed records in it are not touched.
   */
  readonly secrets?: MongoSource | SettingsSource;
  /**
   * Where each old field goes.
   *
   * @defaultValue every flat key of the vault's provider definitions, and the secrets of the old
   * settings that belong to none, which go to provider `custom`
   */
  readonly mapping?: SettingsMapping;
  /** Tells the tenant of a document. @defaultValue its `user_id` */
  readonly tenantOf?: (document: Readonly<Record<string, unknown>>) => unknown;
}

// Only what is no record: a record has a tenant and a provider.
const PLAINTEXT_ONLY = { tenantId: null, provider: null };

/**
 * The sources in the order in which they count.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function sourcesOf({ settings, secrets, tenantOf }: SettingsOrigin): SettingsSource[] {
  if (tenantOf !== undefined && typeof tenantOf !== 'function') {
    throw invalidArgument('tenantOf must be a function.');
  }
  const tenantField = tenantOf === undefined ? 'user_id' : undefined;
  const first = toSource(settings, 'settings', {}, tenantField);
  if (secrets === undefined) return [first];
  return [first, toSource(secrets, 'secrets', PLAINTEXT_ONLY, tenantField)];
}

function toSource(
  source: MongoSource | SettingsSource,
  name: string,
  filter: object,
  tenantField: string | undefined,
): SettingsSource {
  if (isSource(source)) return source;
  const has = (member: string) =>
    !Array.isArray(source) &&
    typeof (source as unknown as Record<string, unknown> | null)?.[member] === 'function';
  if (typeof source !== 'function' && !has('find') && !has('collection') && !has('then')) {
    throw invalidArgument(`${name} must be a MongoDB collection or a SettingsSource.`);
  }
  const { collectionName = name } = source as { collectionName?: string };
  return new MongoSettingsSource(runOn(name, source, name), collectionName, filter, tenantField);
}

function isSource(source: MongoSource | SettingsSource): source is SettingsSource {
  return typeof (source as SettingsSource | null)?.scan === 'function';
}

/** @internal */
export function userIdOf(document: Readonly<Record<string, unknown>>): unknown {
  return document.user_id;
}

/** {@link SettingsSource.scan}; what a source throws may quote the settings, and is not shown. @internal */
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

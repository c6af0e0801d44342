import { invalidArgument } from '../errors.ts';
import type { MongoSource } from '../mongo/types.ts';
import type { SettingsMapping } from './mapping.ts';
import type { SettingsSource } from './settings-source.ts';

/**
 * Where old settings are and how they are read.
 *
 * @public
 */
export interface SettingsOptions {
  /**
   * The settings [L1]: a collection of MongoDB, a database with a collection `settings`, or any
   * source.
   */
  readonly settings: MongoSource | SettingsSource;
  /**
   * The collection `secrets` of the old system, for the plaintext documents that an earlier
   * half-done migration left in it [L2]. Sealed records in it are not touched. Documents in it that
   * are neither, and plaintext beside a sealed record, are reported as failed [L7].
   */
  readonly secrets?: MongoSource | SettingsSource;
  /**
   * Where each old field goes.
   *
   * @defaultValue every flat key of the vault's provider definitions; `api_key` and
   * `facebook_webhook_verify_token` go to provider `custom`
   */
  readonly mapping?: SettingsMapping;
  /**
   * Returns the tenant of a document. A vault with this option cannot look up a tenant's documents:
   * it reads all settings at most every 30 seconds, and remembers the ids of each tenant's
   * documents.
   *
   * @defaultValue its `user_id`
   */
  readonly tenantOf?: (document: Readonly<Record<string, unknown>>) => unknown;
}

// Of a SettingsSource, a collection, a database and a promise.
const SOURCE_METHODS = ['scan', 'find', 'collection', 'then'];

/** Whether settings can be read from `value`: a `SettingsSource`, or a source of MongoDB. @internal */
export function isSource(value: unknown): value is SettingsOptions['settings'] {
  if (typeof value === 'function') return true;
  const members = value as Readonly<Record<string, unknown>> | null | undefined;
  return (
    !Array.isArray(value) &&
    SOURCE_METHODS.some((method) => typeof members?.[method] === 'function')
  );
}

/**
 * Rejects options that name no usable source; nothing is connected yet.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function assertSettingsOptions({ settings, secrets, tenantOf }: SettingsOptions): void {
  if (tenantOf !== undefined && typeof tenantOf !== 'function') {
    throw invalidArgument('tenantOf must be a function.');
  }
  for (const [name, source] of Object.entries({
    settings,
    ...(secrets !== undefined && { secrets }),
  })) {
    if (!isSource(source)) {
      throw invalidArgument(`${name} must be a MongoDB collection or a SettingsSource.`);
    }
  }
}

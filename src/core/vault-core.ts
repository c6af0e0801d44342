import type { AuditTrail } from '../audit/audit-trail.ts';
import { invalidArgument } from '../errors.ts';
import type { KeyProvider, VaultKey } from '../keys/vault-key.ts';
import type { FlatKeys } from '../providers/flat-keys.ts';
import type { ProviderRegistry } from '../providers/registry.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import type { CachedRecords, ImportOnFirstUse } from './cached-records.ts';

/**
 * Whether records of the old system, which are bound to no tenant, are read [R4].
 *
 * @public
 */
export type UnboundPolicy = 'accept' | 'refuse';

/**
 * The parts of a vault, which the functions of this library work on: the methods of `SecretsVault`,
 * the client factories and the long operations.
 *
 * @internal
 */
export interface VaultCore {
  /** Names the vault on the tracing channels. */
  readonly owner: symbol;
  readonly store: SecretStore;
  /** Reads for everybody but writers, who read from the store. */
  readonly records: CachedRecords;
  readonly keys: KeyProvider;
  readonly unbound: UnboundPolicy;
  readonly registry: ProviderRegistry;
  readonly flatKeys: FlatKeys;
  readonly trail: AuditTrail;
  /** Earlier versions kept in each record. */
  readonly historySize: number;
  /** The configured key of lookups. */
  readonly lookupKey?: VaultKey | undefined;
  readonly now: () => Date;
  /** Clients kept by each client factory. */
  readonly maxClients: number;
  /** Imports a tenant's old settings, where the vault knows where they are. */
  readonly importOnFirstUse?: ImportOnFirstUse | undefined;
  /** Counts a tenant's plaintext fields in the old settings. */
  readonly countPlaintext?: ((tenantId: string) => Promise<number>) | undefined;
}

// Registered globally, so that a vault of the CJS copy works with the functions of the ESM copy.
const CORE = Symbol.for('provider-vault.core');

/** Gives `vault` its core, hidden from JSON and inspect. @internal */
export function attachCore(vault: object, core: VaultCore): void {
  Object.defineProperty(vault, CORE, { value: core });
}

/**
 * The core of a vault, for the functions that take a vault.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` for anything but a vault
 * @internal
 */
export function coreOf(vault: object): VaultCore {
  const core = (vault as { [CORE]?: VaultCore } | undefined)?.[CORE];
  if (core === undefined) throw invalidArgument('The first argument must be a SecretsVault.');
  return core;
}

import type { KeyProvider } from '../keys/vault-key.ts';
import type { KeyEntry, KeyStore } from '../stores/key-store.ts';

/**
 * What the long operations and the migration need of `TenantKeys`, beside what a vault needs.
 *
 * @internal
 */
export interface TenantKeyControl {
  /** Names the `TenantKeys` on the tracing channels. */
  readonly owner: symbol;
  readonly store: KeyStore;
  /** The id of the wrapper that wraps new keys. */
  readonly wrapperId: string;
  /** The ids of the keys of the keyring that only open. */
  readonly decryptionOnlyIds: readonly string[];
  /** The tenant's entry, at most as old as the cache allows. */
  entry(tenantId: string): Promise<KeyEntry | undefined>;
  /** Makes a fresh key for a tenant whose key was made until `before`. */
  renew(tenantId: string, before: Date): Promise<KeyEntry>;
  /** Drops what this process has of a tenant's keys, or of all. */
  forget(tenantId?: string): void;
}

// Registered globally, so that the keys of the CJS copy work with the functions of the ESM copy.
const CONTROL = Symbol.for('provider-vault.tenant-keys');

/** Gives `keys` its control, hidden from JSON and inspect. @internal */
export function attachControl(keys: KeyProvider, control: TenantKeyControl): void {
  Object.defineProperty(keys, CONTROL, { value: control });
}

/** The control of `TenantKeys`; `undefined` for another key provider. @internal */
export function tenantKeyControl(keys: KeyProvider): TenantKeyControl | undefined {
  return (keys as { [CONTROL]?: TenantKeyControl })[CONTROL];
}

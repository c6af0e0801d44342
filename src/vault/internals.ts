import { invalidArgument } from '../errors.ts';
import type { BundleVault } from './bundle-vault.ts';
import type { VaultCore } from './vault-core.ts';

// Registered globally, so that a vault of the CJS copy works with the functions of the ESM copy.
const CORE = Symbol.for('provider-vault.core');

/** Gives `vault` its core, out of sight of JSON and inspect. @internal */
export function attachCore(vault: object, core: VaultCore): void {
  Object.defineProperty(vault, CORE, { value: core });
}

/**
 * The core of a vault, for the functions that take one.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` when `vault` is no vault
 * @internal
 */
export function coreOf(vault: BundleVault): VaultCore {
  const core = (vault as { [CORE]?: VaultCore } | undefined)?.[CORE];
  if (core === undefined) throw invalidArgument('The first argument must be a SecretsVault.');
  return core;
}

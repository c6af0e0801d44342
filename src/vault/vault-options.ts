import { AuditTrail } from '../audit/audit-trail.ts';
import { invalidArgument } from '../errors.ts';
import type { KeyProvider } from '../keys/vault-key.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { ProviderRegistry } from '../providers/registry.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import { Sealer, type UnboundPolicy } from './sealer.ts';
import { VaultCore } from './vault-core.ts';

/**
 * Options of `SecretsVault`.
 *
 * @public
 */
export interface SecretsVaultOptions {
  /** Where the sealed records are kept. */
  readonly store: SecretStore;
  /** Where the keys come from, usually `Keyring.fromEnv()`. */
  readonly keys: KeyProvider;
  /**
   * Whether records of the old system, which are bound to no tenant, are read [R4].
   *
   * @defaultValue `"accept"`
   */
  readonly unbound?: UnboundPolicy;
  /** Definitions of further providers; one of the name of a built-in one replaces it. */
  readonly providers?: readonly ProviderDefinition[];
  /**
   * Earlier sealed versions kept in each record; 0 keeps none.
   *
   * @defaultValue 5
   */
  readonly history?: number;
  /** The clock. @defaultValue `Date.now` */
  readonly now?: () => Date | number;
}

const DEFAULT_HISTORY = 5;

/**
 * The core of a vault, of checked options.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function createCore(options: SecretsVaultOptions): VaultCore {
  const { store, keys, unbound = 'accept', history = DEFAULT_HISTORY, now = Date.now } = options;
  if (typeof store?.get !== 'function') throw invalidArgument('A vault needs a store.');
  if (typeof keys?.encryptionKey !== 'function') {
    throw invalidArgument('A vault needs keys: Keyring.fromEnv(), or another KeyProvider.');
  }
  if (unbound !== 'accept' && unbound !== 'refuse') {
    throw invalidArgument('unbound must be "accept" or "refuse".');
  }
  if (!Number.isSafeInteger(history) || history < 0) {
    throw invalidArgument('history must be 0 or a positive integer.');
  }
  const clock = () => new Date(now());
  return new VaultCore({
    store,
    sealer: new Sealer(keys, unbound),
    registry: new ProviderRegistry(options.providers),
    trail: new AuditTrail(clock),
    keep: history,
    now: clock,
  });
}

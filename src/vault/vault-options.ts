import { type AuditOptions, type AuditSink, auditOptions } from '../audit/audit-sink.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { invalidArgument } from '../errors.ts';
import type { KeyProvider } from '../keys/vault-key.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { ProviderRegistry } from '../providers/registry.ts';
import { MigrationOnFirstUse, originOf } from '../settings/first-use.ts';
import type { SettingsOrigin } from '../settings/settings-origin.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import { FlatKeys } from './flat-keys.ts';
import { RecordReader } from './record-reader.ts';
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
  /**
   * Where events are kept, beside `node:diagnostics_channel`: a sink, or `{ sink, mode }`. In mode
   * `strict` an operation of which the event cannot be kept is refused.
   */
  readonly audit?: AuditSink | AuditOptions;
  /** Keeps sealed records in memory for a while. @defaultValue none are kept */
  readonly cache?: CacheOptions;
  /**
   * Where old settings are in plaintext: a MongoDB collection, a `SettingsSource`, or more exactly
   * with `secrets`, `mapping` and `tenantOf`. A tenant is migrated when a record of it is asked for
   * that is not there, or before the first write; once, and never again, also not after a `delete`.
   * The plaintext is left where it is: `migrateFromSettings` erases it.
   */
  readonly settings?: SettingsOrigin['settings'] | SettingsOrigin;
  /** The clock. @defaultValue `Date.now` */
  readonly now?: () => Date | number;
}

/**
 * Bounds of the cache of a vault.
 *
 * @public
 */
export interface CacheOptions {
  /** Milliseconds that a record is served for without asking the store. */
  readonly ttlMs: number;
  /** Records kept; the one not used for longest goes first. @defaultValue 1,000 */
  readonly max?: number;
}

const DEFAULT_HISTORY = 5;
const DEFAULT_CACHED = 1_000;

/**
 * The core of a vault, of checked options.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function createCore(options: SecretsVaultOptions): VaultCore {
  const { store, keys, unbound = 'accept', history = DEFAULT_HISTORY, now = Date.now } = options;
  const { max = DEFAULT_CACHED, ttlMs = 0 } = options.cache ?? {};
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
  if (options.cache !== undefined && !(isCount(ttlMs) && isCount(max))) {
    throw invalidArgument('cache needs a positive integer ttlMs, and a positive integer max.');
  }
  const clock = () => new Date(now());
  const registry = new ProviderRegistry(options.providers);
  const firstUse =
    options.settings === undefined
      ? undefined
      : new MigrationOnFirstUse(originOf(options.settings), () => core, registry);
  const cache = options.cache && { max, ttlMs, ...cacheClock(options) };
  const core: VaultCore = new VaultCore({
    store,
    records: new RecordReader(store, cache, firstUse),
    sealer: new Sealer(keys, unbound),
    registry,
    trail: new AuditTrail(clock, auditOptions(options.audit)),
    flatKeys: new FlatKeys(registry.all()),
    keep: history,
    now: clock,
    firstUse,
  });
  return core;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** The clock that was given; else the cache takes one that never goes back. */
function cacheClock({ now }: SecretsVaultOptions): { now?: () => number } {
  return now === undefined ? {} : { now: () => Number(now()) };
}

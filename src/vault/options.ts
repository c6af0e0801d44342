import { type AuditOptions, type AuditSink, auditOptions } from '../audit/audit-sink.ts';
import { AuditTrail } from '../audit/audit-trail.ts';
import { CachedRecords } from '../core/cached-records.ts';
import type { UnboundPolicy, VaultCore } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import { type KeyInput, toKeyObject } from '../keys/key-input.ts';
import { type KeyProvider, toVaultKey } from '../keys/vault-key.ts';
import { openOldSettings } from '../migration/first-use.ts';
import type { SettingsOptions } from '../migration/settings-options.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { FlatKeys } from '../providers/flat-keys.ts';
import { ProviderRegistry } from '../providers/registry.ts';
import type { SecretStore } from '../stores/secret-store.ts';

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
  /** Definitions of further providers; one that has the name of a built-in provider replaces it. */
  readonly providers?: readonly ProviderDefinition[];
  /** How many earlier sealed versions each record keeps. @defaultValue `{ keep: 5 }` */
  readonly history?: HistoryLimit;
  /**
   * Where events are kept, beside `node:diagnostics_channel`: a sink, or `{ sink, mode }`. Mode
   * `strict` refuses an operation when its event cannot be kept.
   */
  readonly audit?: AuditSink | AuditOptions;
  /** Keeps sealed records in memory for a while. @defaultValue no cache */
  readonly cache?: CacheOptions;
  /**
   * Where old settings are in plaintext: a MongoDB collection, a `SettingsSource`, or more exactly
   * with `secrets`, `mapping` and `tenantOf`. The vault imports a tenant's settings when a record of
   * that tenant is missing, or before its first write: at most once; a delete does not repeat it.
   * The plaintext stays where it is until `migrateFromSettings` erases it.
   */
  readonly settings?: SettingsOptions['settings'] | SettingsOptions;
  /**
   * SDK clients that each client factory keeps; the least recently used goes first.
   *
   * @defaultValue 500
   */
  readonly maxClients?: number;
  /**
   * The key of the digests by which `findTenants` finds records: base64 of 32 bytes. Without it, one is
   * derived from each key of the Keyring.
   */
  readonly lookupKey?: KeyInput;
  /** The clock. @defaultValue `Date.now` */
  readonly now?: () => Date | number;
}

/**
 * How much of a record's past is kept.
 *
 * @public
 */
export interface HistoryLimit {
  /** Earlier sealed versions kept in each record; 0 keeps none. @defaultValue 5 */
  readonly keep?: number;
}

/**
 * Bounds of the cache of a vault.
 *
 * @public
 */
export interface CacheOptions {
  /** Milliseconds for which a record is served without asking the store. */
  readonly ttlMs: number;
  /** Records kept; the least recently used goes first. @defaultValue 1,000 */
  readonly max?: number;
}

const DEFAULT_HISTORY = 5;
const DEFAULT_CACHED = 1_000;
// A client holds sockets and a few kilobytes; tenants that are not served stay out of memory.
const DEFAULT_CLIENTS = 500;

/**
 * The core of a vault, made of checked options.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function createCore(given: SecretsVaultOptions): VaultCore {
  const options = given ?? {};
  const { store, keys, unbound = 'accept', history = {}, now = Date.now } = options;
  const { maxClients = DEFAULT_CLIENTS } = options;
  const { max = DEFAULT_CACHED, ttlMs = 0 } = options.cache ?? {};
  if (typeof store?.get !== 'function') throw invalidArgument('A vault needs a store.');
  if (typeof keys?.encryptionKey !== 'function') {
    throw invalidArgument('A vault needs keys: Keyring.fromEnv(), or another KeyProvider.');
  }
  if (unbound !== 'accept' && unbound !== 'refuse') {
    throw invalidArgument('unbound must be "accept" or "refuse".');
  }
  const { keep = DEFAULT_HISTORY } = history ?? {};
  if (history === null || typeof history !== 'object' || !Number.isSafeInteger(keep) || keep < 0) {
    throw invalidArgument('history must be { keep }, where keep is 0 or a positive integer.');
  }
  if (options.cache !== undefined && !(isCount(ttlMs) && isCount(max))) {
    throw invalidArgument('cache needs a positive integer ttlMs, and a positive integer max.');
  }
  if (typeof now !== 'function') throw invalidArgument('now must be a function.');
  if (!isCount(maxClients)) throw invalidArgument('maxClients must be a positive integer.');
  const clock = () => new Date(now());
  // Unless the caller gives a clock, ages are measured by one that never goes back.
  const cacheClock = options.now && (() => Number(now()));
  const cache = options.cache && { max, ttlMs, ...(cacheClock && { now: cacheClock }) };
  const registry = new ProviderRegistry(options.providers);
  const { settings } = options;
  const old = settings === undefined ? undefined : openOldSettings(settings, registry, cacheClock);
  const importOnFirstUse = old && ((tenantId: string) => old.importOnFirstUse(core, tenantId));
  const core: VaultCore = {
    owner: Symbol('SecretsVault'),
    store,
    records: new CachedRecords(store, cache, importOnFirstUse),
    keys,
    unbound,
    registry,
    flatKeys: new FlatKeys(registry.all()),
    trail: new AuditTrail(clock, auditOptions(options.audit)),
    historySize: keep,
    lookupKey:
      options.lookupKey === undefined
        ? undefined
        : toVaultKey(toKeyObject(options.lookupKey, 'lookupKey')),
    now: clock,
    maxClients,
    importOnFirstUse,
    countPlaintext: old?.countPlaintext,
  };
  return core;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

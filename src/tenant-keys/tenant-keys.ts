import { AsyncCache } from '../core/async-cache.ts';
import { invalidArgument } from '../errors.ts';
import type { KeyWrapper } from '../keys/key-wrapper.ts';
import type { Keyring } from '../keys/keyring.ts';
import type { KeyProvider, VaultKey } from '../keys/vault-key.ts';
import type { LongOperationOptions } from '../maintenance/long-operation.ts';
import type { RewrapReport } from '../maintenance/rewrap-keys.ts';
import type { SecretRef } from '../record.ts';
import type { KeyStore } from '../stores/key-store.ts';
import type { CachedEntry } from './cached-entry.ts';
import type { ColdKeys } from './cold-keys.ts';
import { attachControl } from './control.ts';

/**
 * Options of {@link TenantKeys}.
 *
 * @public
 */
export interface TenantKeysOptions {
  /** The KMS key that wraps the data keys: of `provider-vault/kms`, or your own. */
  readonly wrapper: KeyWrapper;
  /** KMS keys that wrapped keys which are still stored; they only unwrap, until `rewrap` is done. */
  readonly previousWrappers?: readonly KeyWrapper[];
  /** Where the wrapped keys are kept. */
  readonly store: KeyStore;
  /** Opens what was sealed before tenants had keys of their own. */
  readonly keyring?: Keyring;
  /**
   * What seals: each tenant's own key, or the keyring. `keyring` is for the time in which not every
   * process can open what tenant keys seal: while moving in, and while moving back.
   *
   * @defaultValue `"tenant"`
   */
  readonly seal?: 'tenant' | 'keyring';
  /** Bounds of the opened keys in memory. */
  readonly cache?: TenantKeysCache;
}

/**
 * Bounds of the cache of {@link TenantKeys}.
 *
 * @public
 */
export interface TenantKeysCache {
  /**
   * Milliseconds for which opened keys are used without asking the key store and the KMS: so long
   * they serve while those are down, and so long may another process use the keys of a tenant that
   * was erased.
   *
   * @defaultValue 300,000
   */
  readonly ttlMs?: number;
  /** Tenants whose keys are kept; the least recently used goes first. @defaultValue 10,000 */
  readonly max?: number;
}

/**
 * A data key for each tenant, made of 32 random bytes at the tenant's first write, wrapped by a KMS,
 * and kept in a store of its own [K6].
 *
 * A key is unwrapped at most once per `ttlMs` and process, and is a `KeyObject` from then on. When the
 * KMS or the key store does not answer, keys in memory serve to the end of their time; then calls are
 * `ERR_KEY_UNAVAILABLE` within 10 seconds. A failure is never remembered, and no other key is used.
 *
 * @example
 * ```ts
 * import { KMSClient } from '@aws-sdk/client-kms';
 *
 * const keys = new TenantKeys({
 *   wrapper: awsKms({ client: new KMSClient(), keyId: 'alias/crm' }),
 *   store: new MongoKeyStore(client.db('crm')), // collection "vault_keys"
 * });
 * const vault = new SecretsVault({ store, keys });
 * ```
 * @public
 */
export class TenantKeys implements KeyProvider {
  /** The ids of the keyring's keys while it seals; absent while tenants have their own. */
  declare readonly keyIds?: readonly string[];
  readonly #keyring: Keyring | undefined;
  readonly #cache: AsyncCache<CachedEntry>;
  readonly #loadCold: () => Promise<ColdKeys>;
  #cold: Promise<ColdKeys> | undefined;

  /** @throws VaultError `ERR_INVALID_ARGUMENT` */
  constructor(options: TenantKeysOptions) {
    const { wrapper, previousWrappers = [], store, keyring, seal = 'tenant' } = options ?? {};
    const { ttlMs = 300_000, max = 10_000 } = options?.cache ?? {};
    if (!Array.isArray(previousWrappers))
      throw invalidArgument('previousWrappers must be an array.');
    const wrappers = wrappersById([wrapper, ...previousWrappers]);
    if (typeof store?.get !== 'function' || typeof store.put !== 'function') {
      throw invalidArgument('TenantKeys need a KeyStore.');
    }
    if (seal !== 'tenant' && seal !== 'keyring') {
      throw invalidArgument('seal must be "tenant" or "keyring".');
    }
    if (keyring === undefined ? seal === 'keyring' : !Array.isArray(keyring?.keyIds)) {
      throw invalidArgument('keyring must be a Keyring; seal: "keyring" needs one.');
    }
    for (const value of [ttlMs, max]) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw invalidArgument('cache needs a positive integer ttlMs, and a positive integer max.');
      }
    }
    const sealer = seal === 'keyring' ? keyring : undefined;
    if (sealer !== undefined) this.keyIds = sealer.keyIds;
    this.#keyring = keyring;
    this.#cache = new AsyncCache({ ttlMs, max });
    const owner = Symbol('TenantKeys');
    const cache = this.#cache;
    const parts = { store, wrapper, wrappers, cache, sealer: sealer?.encryptionKey(), owner };
    // Loaded by the first key that is not in memory: an application without TenantKeys does not pay.
    this.#loadCold = async () => new (await import('./cold-keys.ts')).ColdKeys(parts);
    attachControl(this, {
      owner,
      store,
      wrapperId: wrapper.id,
      decryptionOnlyIds: keyring?.keyIds.slice(sealer ? 1 : 0) ?? [],
      entry: (tenantId) => this.#withCold((cold) => cold.entry(tenantId)),
      renew: (tenantId, before) => this.#withCold((cold) => cold.renew(tenantId, before)),
      forget: (tenantId) => {
        if (tenantId === undefined) this.#cache.clear();
        else this.#cache.delete(tenantId);
      },
    });
  }

  /** The keys of the keyring: those of tenants differ, so that equal values would not be found. */
  lookupKeys(): readonly VaultKey[] {
    return this.#keyring?.lookupKeys() ?? [];
  }

  /**
   * The key that seals: the tenant's own key, which is made if the tenant has no key yet;
   * with `seal: 'keyring'`, the key of the keyring.
   *
   * @throws VaultError `ERR_KEY_ERASED`, `ERR_KEY_UNAVAILABLE`; `ERR_KEY_INVALID` when the tenant's
   * keys in the key store are damaged
   */
  encryptionKey({ tenantId }: SecretRef): VaultKey | Promise<VaultKey> {
    const opened = this.#cache.kept(tenantId)?.sealing;
    return opened ?? this.#withCold((cold) => cold.keyOrNew(tenantId));
  }

  /**
   * The key that seals, or `undefined` where the tenant has none yet; none is made.
   *
   * @throws VaultError as {@link TenantKeys.encryptionKey}
   */
  currentKey({ tenantId }: SecretRef): VaultKey | undefined | Promise<VaultKey | undefined> {
    const opened = this.#cache.kept(tenantId)?.sealing;
    return opened ?? this.#withCold((cold) => cold.key(tenantId));
  }

  /**
   * The key named `keyId`. A key that the process does not know is looked for in the key store once,
   * and anew by the next call.
   *
   * @throws VaultError `ERR_KEY_UNKNOWN` for a tenant key that the key store does not have, as when it
   * was restored to an older state; as {@link TenantKeys.encryptionKey}
   */
  decryptionKey(
    keyId: string | undefined,
    { tenantId }: SecretRef,
  ): readonly VaultKey[] | Promise<readonly VaultKey[]> {
    if (typeof keyId === 'string' && /^t\d/.test(keyId)) {
      const opened = this.#cache.kept(tenantId)?.opened.get(keyId);
      return opened ?? this.#withCold((cold) => cold.keyNamed(tenantId, keyId));
    }
    return this.#keyring?.decryptionKey(keyId) ?? [];
  }

  /**
   * Makes a fresh data key for what the tenant seals from now on; the ones before go on opening. It
   * also lets a tenant write again that was erased. Other processes take it up within `ttlMs`.
   *
   * @returns the id of the tenant's new key
   * @throws VaultError `ERR_KEY_UNAVAILABLE`, `ERR_KEY_INVALID`, `ERR_INVALID_ARGUMENT`
   */
  async renew(tenantId: string): Promise<string> {
    const { keys, current } = await this.#withCold((cold) => cold.renew(tenantId));
    return keys.find(({ number }) => number === current)?.keyId as string;
  }

  /**
   * Wraps every data key anew with the newest version of the KMS key `wrapper`, as after that key was
   * rotated, or after a change from one KMS to another with `previousWrappers`. It touches no record,
   * and the keys stay the same: what a leaked KMS key could unwrap needs `renewKeys`.
   *
   * It can be stopped or killed at any point and run again.
   *
   * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError with the code of what ended it:
   * `ERR_KEY_UNAVAILABLE`, the errors of the key store, `ERR_ABORTED`
   */
  async rewrap(options: LongOperationOptions = {}): Promise<RewrapReport> {
    const { rewrapKeys } = await import('../maintenance/rewrap-keys.ts');
    return this.#withCold(({ store, wrappers }) => rewrapKeys(store, wrappers, options));
  }

  async #withCold<T>(work: (cold: ColdKeys) => Promise<T>): Promise<T> {
    this.#cold ??= this.#loadCold();
    return work(await this.#cold);
  }
}

/** @throws VaultError `ERR_INVALID_ARGUMENT` */
function wrappersById(wrappers: readonly KeyWrapper[]): ReadonlyMap<string, KeyWrapper> {
  const byId = new Map<string, KeyWrapper>();
  for (const wrapper of wrappers) {
    const { id, wrap, unwrap } = wrapper ?? {};
    const isId = typeof id === 'string' && id !== '' && !byId.has(id);
    if (typeof wrap !== 'function' || typeof unwrap !== 'function' || !isId) {
      throw invalidArgument(
        'Each wrapper must be a KeyWrapper, as the functions of provider-vault/kms make, with an id of its own.',
      );
    }
    byId.set(id, wrapper);
  }
  return byId;
}

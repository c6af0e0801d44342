import { createHash, type KeyObject } from 'node:crypto';
import type { SecretRef } from '../record.ts';

/**
 * An AES-256 key with its public name.
 *
 * @public
 */
export interface VaultKey {
  /** Written to `metadata.keyId` of what it seals. */
  readonly id: string;
  /** 32 bytes, secret. */
  readonly key: KeyObject;
}

/**
 * The source of a vault's keys. `Keyring` holds them in memory; a KMS or keys per tenant plug in here.
 *
 * @public
 */
export interface KeyProvider {
  /** Optional: the ids of all keys, the one that seals first; absent where tenants have their own. */
  readonly keyIds?: readonly string[];
  /** The key that seals a new version of `ref`; it may be made for that. */
  encryptionKey(ref: SecretRef): VaultKey | Promise<VaultKey>;
  /**
   * Optional, where {@link KeyProvider.encryptionKey} may make a key: the same key for somebody who
   * only looks, and `undefined` where none is made yet.
   */
  currentKey?(ref: SecretRef): VaultKey | undefined | Promise<VaultKey | undefined>;
  /**
   * Optional: the keys from which the keys of lookups are derived, the one that seals first. They must
   * be the same for all tenants. Without them nothing is indexed, unless the vault has a `lookupKey`.
   */
  lookupKeys?(): readonly VaultKey[];
  /**
   * The key named `keyId` (none or one), or, for a record of the old system that names none, all
   * keys it may have been sealed with, in the order to try [R5].
   */
  decryptionKey(
    keyId: string | undefined,
    ref: SecretRef,
  ): readonly VaultKey[] | Promise<readonly VaultKey[]>;
}

const LABEL = 'provider-vault/key-id';
const KEY_ID_HEX_DIGITS = 8;

/**
 * The fingerprint of a key [R5]: the first 8 hex digits of SHA-256(label ‖ key bytes). It tells
 * keys apart and tells nothing of the key.
 *
 * @internal
 */
export function toVaultKey(key: KeyObject): VaultKey {
  const bytes = key.export();
  const digest = createHash('sha256').update(LABEL).update(bytes).digest('hex');
  bytes.fill(0);
  return { id: digest.slice(0, KEY_ID_HEX_DIGITS), key };
}

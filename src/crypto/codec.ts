import type { KeyObject } from 'node:crypto';
import { invalidArgument, VaultError } from '../errors.ts';
import { type KeyInput, toKeyObject } from '../keys/key-input.ts';
import { decrypt, encrypt, IV_BYTES, TAG_BYTES } from './aes-gcm.ts';

/**
 * Seals `plaintext` as the old system did: AES-256-GCM, no additional authenticated data, so that
 * pycryptodome, OpenSSL and node:crypto open it with the key alone [R1].
 *
 * This is the bare codec. It does not bind the text to a tenant; `SecretsVault` does.
 *
 * @param plaintext - bytes, or a string that is encoded as UTF-8
 * @param key - 32 bytes, the same in base64, a secret `KeyObject`, or a `VaultKey`
 * @returns `base64( iv[12] ‖ tag[16] ‖ ciphertext[n] )`, RFC 4648 §4 with padding
 * @throws VaultError `ERR_KEY_INVALID` when the key is not 32 bytes
 * @public
 */
export function seal(plaintext: Uint8Array | string, key: KeyInput): string {
  if (typeof plaintext !== 'string' && !(plaintext instanceof Uint8Array)) {
    throw invalidArgument('The plaintext to seal must be a string or bytes.');
  }
  return sealText(plaintext, toKeyObject(key));
}

/**
 * {@link seal} for arguments that are known to be good.
 *
 * @internal
 */
export function sealText(plaintext: Uint8Array | string, key: KeyObject): string {
  return encrypt(plaintext, key).toString('base64');
}

/**
 * Opens what {@link seal} or the old system sealed.
 *
 * @param data - `base64( iv[12] ‖ tag[16] ‖ ciphertext[n] )`; strict, padding required
 * @param key - as for {@link seal}
 * @throws VaultError `ERR_MALFORMED` when `data` is not canonical base64 or under 28 bytes;
 * `ERR_DECRYPTION_FAILED` for a wrong key or altered data (one code: GCM cannot tell them apart);
 * `ERR_KEY_INVALID`
 * @public
 */
export function open(data: string, key: KeyInput): Buffer {
  return openWithAny(data, [toKeyObject(key)]);
}

/**
 * {@link open} with the first of `keys` that fits.
 *
 * @internal
 */
export function openWithAny(data: unknown, keys: readonly KeyObject[]): Buffer {
  const sealed = decode(data);
  for (const key of keys) {
    const plaintext = decrypt(sealed, key);
    if (plaintext !== undefined) return plaintext;
  }
  throw new VaultError(
    'ERR_DECRYPTION_FAILED',
    'A sealed value could not be opened: it was sealed with another key, or it was altered.',
  );
}

function decode(data: unknown): Buffer {
  if (typeof data !== 'string') throw malformed('it is not a string');
  const sealed = Buffer.from(data, 'base64');
  // Buffer.from never fails: it skips what it does not know. Only canonical text survives the round
  // trip.
  if (sealed.toString('base64') !== data) throw malformed('it is not canonical base64');
  if (sealed.length < IV_BYTES + TAG_BYTES) {
    throw malformed(`it has ${sealed.length} bytes, fewer than an IV and a tag`);
  }
  return sealed;
}

function malformed(reason: string): VaultError {
  return new VaultError('ERR_MALFORMED', `A sealed value is malformed: ${reason}.`);
}

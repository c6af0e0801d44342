import { decrypt, encrypt, IV_BYTES, TAG_BYTES } from '../crypto/aes-gcm.ts';
import { invalidArgument } from '../errors.ts';
import { KEY_BYTES } from '../keys/key-input.ts';
import { type KeyWrapper, LOCAL_WRAPPER } from '../keys/key-wrapper.ts';
import type { Keyring } from '../keys/keyring.ts';
import { contextBytes, Failure, keyWrapper } from './service.ts';

const ID_BYTES = 8;

/**
 * A Keyring in the place of a KMS, for development and for an application that has no KMS. Whoever
 * holds its key opens everything; the keys per tenant remain, and with them `eraseTenant`.
 *
 * The wrapped key is `keyId[8] ‖ iv[12] ‖ tag[16] ‖ ciphertext` by AES-256-GCM; the tenant is inside
 * the ciphertext.
 *
 * @param keyring - its encryption key wraps; each of its keys unwraps what it wrapped
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @public
 */
export function localWrapper(keyring: Keyring): KeyWrapper {
  if (typeof keyring?.encryptionKeyId !== 'string' || typeof keyring.decryptionKey !== 'function') {
    throw invalidArgument('localWrapper needs a Keyring.');
  }
  return keyWrapper({
    id: `${LOCAL_WRAPPER}${keyring.encryptionKeyId}`,
    name: 'The local keyring',
    permissions: {},
    wrap: async (bytes, tenantId) => {
      const { id, key } = keyring.encryptionKey();
      const plaintext = Buffer.concat([bytes, contextBytes(tenantId)]);
      try {
        return Buffer.concat([Buffer.from(id), encrypt(plaintext, key)]);
      } finally {
        plaintext.fill(0);
      }
    },
    unwrap: async (wrapped, tenantId) => unwrap(keyring, Buffer.from(wrapped), tenantId),
    explain: () => undefined,
  });
}

function unwrap(keyring: Keyring, wrapped: Buffer, tenantId: string): Uint8Array {
  const id = wrapped.toString('latin1', 0, ID_BYTES);
  if (wrapped.length < ID_BYTES + IV_BYTES + TAG_BYTES || !/^[0-9a-f]{8}$/.test(id)) {
    throw new Failure('rejected', 'the wrapped key is damaged');
  }
  const [found] = keyring.decryptionKey(id);
  if (found === undefined) {
    throw new Failure(
      'refused',
      `key ${id} is not in the keyring`,
      'Add it to APP_DECRYPTION_KEYS.',
    );
  }
  const plaintext = decrypt(wrapped.subarray(ID_BYTES), found.key);
  if (plaintext === undefined) throw new Failure('rejected', 'the wrapped key is damaged');
  try {
    if (!plaintext.subarray(KEY_BYTES).equals(contextBytes(tenantId))) {
      throw new Failure('rejected', 'the wrapped key belongs to another tenant');
    }
    return Uint8Array.from(plaintext.subarray(0, KEY_BYTES));
  } finally {
    plaintext.fill(0);
  }
}

import { createCipheriv, createDecipheriv, type KeyObject, randomFillSync } from 'node:crypto';

/** Lengths in bytes [R1]. @internal */
export const IV_BYTES = 12;
/** @internal */
export const TAG_BYTES = 16;
const HEADER_BYTES = IV_BYTES + TAG_BYTES;

// authTagLength: Node accepts 4-byte tags unless it is told the length, and a 4-byte tag is forged
// in 2^32 tries (NIST SP 800-38D §5.2.1.2, appendix C).
const OPTIONS = { authTagLength: TAG_BYTES } as const;

// Random bytes are fetched for 256 IVs at once: a system call for each would take a third of the
// time of a seal. Each is used once and then overwritten.
const ivPool = Buffer.alloc(IV_BYTES * 256);
let ivOffset = ivPool.length;

function writeFreshIv(target: Buffer): void {
  if (ivOffset === ivPool.length) {
    randomFillSync(ivPool);
    ivOffset = 0;
  }
  ivPool.copy(target, 0, ivOffset, ivOffset + IV_BYTES);
  ivPool.fill(0, ivOffset, ivOffset + IV_BYTES);
  ivOffset += IV_BYTES;
}

/**
 * AES-256-GCM with a fresh random IV.
 *
 * NIST SP 800-38D §8.3: at most 2^32 calls per key [K5].
 *
 * @returns `iv[12] ‖ tag[16] ‖ ciphertext[n]`
 * @internal
 */
export function encrypt(plaintext: Uint8Array | string, key: KeyObject): Buffer {
  const iv = Buffer.allocUnsafe(IV_BYTES);
  writeFreshIv(iv);
  const cipher = createCipheriv('aes-256-gcm', key, iv, OPTIONS);
  const ciphertext = cipher.update(plaintext as string, 'utf8'); // of bytes, Node ignores the encoding
  cipher.final(); // GCM is a stream mode: nothing is left to return
  return Buffer.concat([iv, cipher.getAuthTag(), ciphertext], HEADER_BYTES + ciphertext.length);
}

/**
 * The inverse of {@link encrypt}.
 *
 * @returns the plaintext, or `undefined` when the tag does not fit: wrong key or altered bytes,
 * which GCM cannot tell apart. `sealed` must have at least 28 bytes.
 * @internal
 */
export function decrypt(sealed: Buffer, key: KeyObject): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), OPTIONS);
  decipher.setAuthTag(sealed.subarray(IV_BYTES, HEADER_BYTES));
  const plaintext = decipher.update(sealed.subarray(HEADER_BYTES));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0); // unauthenticated bytes must not outlive this call
    return undefined;
  }
}

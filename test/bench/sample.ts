import { createSecretKey, randomBytes } from 'node:crypto';

/** The library under test: this checkout's, or another one's. */
export type Library = typeof import('provider-vault');

/** A bundle of usual size. */
export const sampleFields = { accountSid: 'a'.repeat(34), authToken: 'b'.repeat(227) };

/** A provider without a definition. */
export const sampleProvider = 'sample';

/** A key in both forms: for the library's Keyring, and for node:crypto. */
export function newKey() {
  const bytes = randomBytes(32);
  return { text: bytes.toString('base64'), object: createSecretKey(bytes) };
}

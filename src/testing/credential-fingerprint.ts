import { createHash } from 'node:crypto';

const HEX_DIGITS = 12;

/**
 * A short name for a credential, safe to print and to assert on: the first 12 hex digits of the
 * SHA-256 of its UTF-8 bytes. The stand-ins record this instead of the credential.
 *
 * It tells test credentials apart. It is no way to store real ones: a short or guessable value can
 * be found again by trying.
 *
 * @param value - an auth token, an API key or an API key's secret; `''` (no credential) gives `''`
 * @public
 */
export function credentialFingerprint(value: string): string {
  if (value === '') return '';
  return createHash('sha256').update(value, 'utf8').digest('hex').slice(0, HEX_DIGITS);
}

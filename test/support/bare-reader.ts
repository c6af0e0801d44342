import { createDecipheriv } from 'node:crypto';

/**
 * Opens `data` as a reader that knows nothing but the format [R1] and the key, as the old system's.
 */
export function bareOpen(data: string, keyBase64: string): Record<string, unknown> {
  const sealed = Buffer.from(data, 'base64');
  const decipher = createDecipheriv(
    'aes-256-gcm',
    Buffer.from(keyBase64, 'base64'),
    sealed.subarray(0, 12),
    { authTagLength: 16 },
  );
  decipher.setAuthTag(sealed.subarray(12, 28));
  const plaintext = Buffer.concat([decipher.update(sealed.subarray(28)), decipher.final()]);
  return JSON.parse(plaintext.toString('utf8'));
}

import { createSecretKey, type KeyObject } from 'node:crypto';

// Buffer.from, and the functions of node:crypto that take a text as a key, copy it into the memory that
// Node shares among all small buffers, and leave it there. These copies have memory of their own, and
// are erased.

/** A secret text as a key. @internal */
export function secretKey(text: string): KeyObject {
  return withBytes(text, (bytes) => createSecretKey(bytes));
}

/** A secret text in base64. @internal */
export function secretBase64(text: string): string {
  return withBytes(text, (bytes) => bytes.toString('base64'));
}

function withBytes<T>(text: string, use: (bytes: Buffer) => T): T {
  const bytes = Buffer.alloc(Buffer.byteLength(text));
  bytes.write(text);
  try {
    return use(bytes);
  } finally {
    bytes.fill(0);
  }
}

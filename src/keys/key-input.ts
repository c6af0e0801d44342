import { createSecretKey, KeyObject } from 'node:crypto';
import { VaultError } from '../errors.ts';
import type { VaultKey } from './vault-key.ts';

/** Bytes of an AES-256 key [K1]. @internal */
export const KEY_BYTES = 32;

/**
 * An AES-256 key in any of its forms: a {@link VaultKey}, a secret `KeyObject`, base64 of 32 bytes
 * (RFC 4648 §4), or the 32 bytes.
 *
 * @public
 */
export type KeyInput = VaultKey | KeyObject | string | Uint8Array;

/**
 * A key of any form as `KeyObject`, so that no Buffer keeps a copy of it [K3].
 *
 * @param source - what the key is called in messages
 * @internal
 */
export function toKeyObject(input: KeyInput, source = 'The key'): KeyObject {
  if (input instanceof KeyObject) return checked(input, source);
  if (typeof input === 'string') return parseKeyText(input, source);
  if (input instanceof Uint8Array) return fromBytes(input, source);
  if (input?.key instanceof KeyObject) return checked(input.key, source);
  throw new VaultError(
    'ERR_KEY_INVALID',
    `${source} must be a VaultKey, a KeyObject, base64 text or ${KEY_BYTES} bytes.`,
  );
}

/**
 * Base64 of 32 bytes as `KeyObject`. The message of a refusal says the decoded length and the
 * likely trap, never a part of the key [K1].
 *
 * @param source - what the key is called in messages: the variable or option it came from
 * @internal
 */
export function parseKeyText(text: string, source: string): KeyObject {
  // Buffer.from would decode into the memory that Node shares among all small buffers.
  const decoded = Buffer.alloc(Buffer.byteLength(text, 'base64'));
  try {
    const bytes = decoded.subarray(0, decoded.write(text, 'base64'));
    if (bytes.length !== KEY_BYTES || bytes.toString('base64') !== text) {
      throw new VaultError(
        'ERR_KEY_INVALID',
        `${source} must be the base64 of ${KEY_BYTES} bytes; this text decodes to ${bytes.length} bytes. ${hintFor(text)}`,
      );
    }
    return fromBytes(bytes, source);
  } finally {
    decoded.fill(0);
  }
}

function fromBytes(bytes: Uint8Array, source: string): KeyObject {
  if (bytes.length !== KEY_BYTES) {
    throw new VaultError(
      'ERR_KEY_INVALID',
      `${source} must have ${KEY_BYTES} bytes, not ${bytes.length}.`,
    );
  }
  return createSecretKey(bytes);
}

function checked(key: KeyObject, source: string): KeyObject {
  if (key.symmetricKeySize !== KEY_BYTES) {
    throw new VaultError(
      'ERR_KEY_INVALID',
      key.type === 'secret'
        ? `${source} must have ${KEY_BYTES} bytes, not ${key.symmetricKeySize}.`
        : `${source} must be a secret key, not a ${key.type} key.`,
    );
  }
  return key;
}

// The traps people really fall into, most telling first.
const TRAPS: readonly (readonly [RegExp, string])[] = [
  [/^["'`]|["'`]$/, 'It has quotes around it: remove them (some .env readers keep them).'],
  [/^\s|\s$/, 'It has white space or a newline at its end or start: remove it.'],
  [/\s/, 'It has white space inside: a key is one line without spaces.'],
  [
    /^[0-9a-fA-F]{64}$/,
    'It looks like 64 hex digits: convert it with `echo -n HEX | xxd -r -p | base64`.',
  ],
  [
    /[<>{}]|your|change.?me|replace|example|placeholder|secret|base64/i,
    'It looks like the placeholder of a template: make a key with `npx provider-vault keygen`.',
  ],
  [/[-_]/, 'It looks like base64url: replace "-" by "+" and "_" by "/", and pad with "=".'],
  [/^[A-Za-z0-9+/]{43}$/, 'The padding is missing: append "=".'],
];

function hintFor(text: string): string {
  const trap = TRAPS.find(([pattern]) => pattern.test(text));
  return trap?.[1] ?? 'Make one with `npx provider-vault keygen` or `openssl rand -base64 32`.';
}

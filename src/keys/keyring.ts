import { type KeyObject, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { invalidArgument, VaultError } from '../errors.ts';
import { describeType } from '../names.ts';
import { KEY_BYTES, type KeyInput, toKeyObject } from './key-input.ts';
import { type KeyTexts, splitKeys, withoutNewline } from './key-texts.ts';
import { type KeyProvider, toVaultKey, type VaultKey } from './vault-key.ts';

/**
 * A new key: the base64 of 32 random bytes, for `APP_ENCRYPTION_KEY`. Keep a copy of it where your
 * backups are not: what it sealed cannot be opened without it.
 *
 * @example
 * ```ts
 * const test = new Keyring({ encryptionKey: generateKey() });
 * ```
 * @public
 */
export function generateKey(): string {
  return randomBytes(KEY_BYTES).toString('base64');
}

/**
 * Environment variables by name, as `process.env`.
 *
 * @public
 */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Keys of a {@link Keyring}: base64 of 32 bytes, or the 32 bytes.
 *
 * @public
 */
export interface KeyringOptions {
  /** Seals everything new, and opens what it sealed. */
  readonly encryptionKey: KeyInput;
  /** Open only: keys that are being rolled in or out [K2]. */
  readonly decryptionKeys?: readonly KeyInput[];
}

/**
 * Keys held in memory: one that seals, and any number that only open.
 *
 * @example
 * ```ts
 * const keys = Keyring.fromEnv();
 * keys.encryptionKeyId; // "3f9a1c07": safe to print
 * ```
 * @public
 */
export class Keyring implements KeyProvider {
  readonly #keys: readonly [VaultKey, ...VaultKey[]];
  readonly #byId: ReadonlyMap<string, readonly VaultKey[]>;

  /**
   * @throws VaultError `ERR_KEY_INVALID` with the decoded length and a hint when a key is not
   * 32 bytes, or when all its bytes are equal
   */
  constructor(options: KeyringOptions) {
    const first = toVaultKey(ringKey(options?.encryptionKey, 'encryptionKey'));
    const { decryptionKeys = [] } = options;
    if (!Array.isArray(decryptionKeys)) {
      throw new VaultError('ERR_KEY_INVALID', 'decryptionKeys must be an array.');
    }
    const others = decryptionKeys.map((key: KeyInput, index) =>
      toVaultKey(ringKey(key, `decryptionKeys[${index}]`)),
    );
    const byId = new Map([[first.id, first]]);
    for (const key of others) {
      const known = byId.get(key.id) ?? key;
      if (!known.key.equals(key.key)) {
        throw new VaultError(
          'ERR_KEY_INVALID',
          `Two different keys have the id ${key.id}, so that records cannot tell them apart. Make another key.`,
        );
      }
      byId.set(key.id, known);
    }
    this.#keys = [first, ...[...byId.values()].slice(1)];
    this.#byId = new Map(this.#keys.map((key) => [key.id, [key]]));
  }

  /**
   * The keys of an environment [K1] [K2]: `APP_ENCRYPTION_KEY` seals, `APP_DECRYPTION_KEYS`
   * (comma-separated, optional) only open. Each may instead be named by a path in
   * `APP_ENCRYPTION_KEY_FILE` and `APP_DECRYPTION_KEYS_FILE`; such a file may end in a newline.
   *
   * @example
   * ```ts
   * const keys = Keyring.fromEnv(); // APP_ENCRYPTION_KEY, APP_DECRYPTION_KEYS, or …_FILE
   * ```
   * @param env - default `process.env`
   * @throws VaultError `ERR_KEY_MISSING` when there is no encryption key: none is ever made on its
   * own [K4]; `ERR_KEY_INVALID` as for the constructor
   */
  static fromEnv(env: Environment = process.env): Keyring {
    const encryption = readVariable(env, 'APP_ENCRYPTION_KEY');
    if (encryption === undefined) {
      throw new VaultError(
        'ERR_KEY_MISSING',
        'APP_ENCRYPTION_KEY is not set. Make a key with `npx provider-vault keygen`, or `openssl rand -base64 32`, and set it (or APP_ENCRYPTION_KEY_FILE to a file that holds it).',
      );
    }
    const decryption = readVariable(env, 'APP_DECRYPTION_KEYS');
    return fromTexts(encryption, decryption && { ...decryption, text: splitKeys(decryption.text) });
  }

  /**
   * The keys that any source gives, such as a secret manager. They are loaded once: to take up a new
   * key, make a new Keyring.
   *
   * @example
   * ```ts
   * const keys = await Keyring.load(() => readFile('/run/secrets/app_encryption_key', 'utf8'));
   * ```
   * @param source - returns the text of the key that seals, or {@link KeyTexts}
   * @throws VaultError `ERR_KEY_MISSING` when the source gives none, or fails with `ENOENT` or
   * `ResourceNotFoundException`; `ERR_KEY_UNAVAILABLE` when it fails otherwise, with the code or the
   * name of its error only, as its message may quote anything; `ERR_KEY_INVALID` as for the
   * constructor; `ERR_INVALID_ARGUMENT`
   */
  static async load(source: () => Promise<string | KeyTexts | undefined>): Promise<Keyring> {
    if (typeof source !== 'function') {
      throw invalidArgument(`source must be a function, not ${describeType(source)}.`);
    }
    const { loadTexts } = await import('./load-texts.ts');
    const { encryptionKey, decryptionKeys } = await loadTexts(source);
    return fromTexts(
      { text: encryptionKey, source: 'The encryption key of the source' },
      { text: decryptionKeys, source: 'decryptionKeys of the source' },
    );
  }

  /** The id of the key that seals. */
  get encryptionKeyId(): string {
    return this.#keys[0].id;
  }

  /** The ids of all keys, the one that seals first. */
  get keyIds(): readonly string[] {
    return this.#keys.map(({ id }) => id);
  }

  /** The key that seals. */
  encryptionKey(): VaultKey {
    return this.#keys[0];
  }

  /** All keys: each has a lookup key of its own derived from it. */
  lookupKeys(): readonly VaultKey[] {
    return this.#keys;
  }

  /** The key named `keyId`, or all of them for a record that names none [R5]. */
  decryptionKey(keyId: string | undefined): readonly VaultKey[] {
    return keyId === undefined ? this.#keys : (this.#byId.get(keyId) ?? []);
  }
}

function ringKey(input: KeyInput, source: string): KeyObject {
  const key = toKeyObject(input, source);
  const bytes = key.export();
  const allEqual = bytes.every((byte) => byte === bytes[0]);
  bytes.fill(0);
  if (allEqual) {
    throw new VaultError(
      'ERR_KEY_INVALID',
      `${source} decodes to ${KEY_BYTES} bytes that are all equal: that is a placeholder, not a key. Make one with \`npx provider-vault keygen\`.`,
    );
  }
  return key;
}

/** A text, or texts, with what it is called in messages. */
interface Named<T> {
  readonly text: T;
  readonly source: string;
}

function fromTexts(encryption: Named<string>, decryption?: Named<readonly string[]>): Keyring {
  return new Keyring({
    encryptionKey: textKey(encryption),
    decryptionKeys: (decryption?.text ?? []).map((text, index) =>
      textKey({ text, source: `Key ${index + 1} in ${decryption?.source}` }),
    ),
  });
}

function textKey({ text, source }: Named<unknown>): KeyObject {
  if (typeof text === 'string') return ringKey(text, source);
  throw new VaultError('ERR_KEY_INVALID', `${source} must be a string, not ${describeType(text)}.`);
}

function readVariable(env: Environment, name: string): Named<string> | undefined {
  const text = env[name] || undefined;
  const path = env[`${name}_FILE`] || undefined;
  if (text !== undefined && path !== undefined) {
    throw new VaultError('ERR_KEY_INVALID', `${name} and ${name}_FILE are both set: keep one.`);
  }
  if (path === undefined) return text === undefined ? undefined : { text, source: name };
  try {
    const content = withoutNewline(readFileSync(path, 'utf8'));
    return { text: content, source: `The file named by ${name}_FILE` };
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new VaultError(
      'ERR_KEY_MISSING',
      `The file named by ${name}_FILE could not be read (${code}).`,
    );
  }
}

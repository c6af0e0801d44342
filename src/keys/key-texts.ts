/**
 * The keys of a `Keyring` as a secret manager holds them.
 *
 * @public
 */
export interface KeyTexts {
  /** Base64 of 32 bytes; it may end in a newline. */
  readonly encryptionKey?: string | undefined;
  /** The same of keys that only open, as an array or separated by commas. */
  readonly decryptionKeys?: string | readonly string[] | undefined;
}

/** Files and secret managers often keep one at the end. @internal */
export function withoutNewline<T>(text: T): T | string {
  return typeof text === 'string' ? text.replace(/\r?\n$/, '') : text;
}

/** Keys separated by commas. @internal */
export function splitKeys(text: string): readonly string[] {
  return text.split(/\s*,\s*/).filter((part) => part !== '');
}

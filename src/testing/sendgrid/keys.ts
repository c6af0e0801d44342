import type { Revocations } from '../revocations.ts';

/**
 * An API key of the stand-in.
 *
 * @public
 */
export interface FakeSendGridKey {
  /** The whole key. */
  readonly apiKey: string;
  /** What the key may do; sending needs `mail.send`. Default: `mail.send`. */
  readonly scopes?: readonly string[];
  /**
   * The verified senders: addresses, or domains (`example.com`) for every address in them. Mail from
   * any other address is refused with 403. Default: any address.
   */
  readonly senders?: readonly string[];
}

/** The keys of a stand-in. @internal */
export class SendGridKeys {
  readonly #keys = new Map<string, FakeSendGridKey>();
  readonly #revocations: Revocations;

  /** @throws TypeError for a key that is malformed or given twice; no message shows a key */
  constructor(keys: readonly FakeSendGridKey[], revocations: Revocations) {
    this.#revocations = revocations;
    for (const key of keys) {
      if (typeof key.apiKey !== 'string' || !/^\S+$/.test(key.apiKey)) {
        throw new TypeError('apiKey must be a string without spaces that is not empty.');
      }
      if (this.#keys.has(key.apiKey)) throw new TypeError('An API key is given twice.');
      this.#keys.set(key.apiKey, structuredClone(key));
    }
  }

  /** The key, `undefined` when it does not exist or is dead. */
  find(apiKey: string): FakeSendGridKey | undefined {
    return this.#revocations.isDead(apiKey) ? undefined : this.#keys.get(apiKey);
  }
}

/** What a key may do. @internal */
export function scopes(key: FakeSendGridKey): readonly string[] {
  return key.scopes ?? ['mail.send'];
}

/** Whether a key may send mail from an address. @internal */
export function maySendFrom({ senders }: FakeSendGridKey, email: string): boolean {
  const address = email.toLowerCase();
  const domain = address.slice(address.lastIndexOf('@') + 1);
  return senders?.some((sender) => [address, domain].includes(sender.toLowerCase())) ?? true;
}

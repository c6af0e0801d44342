/**
 * An API key of the stand-in.
 *
 * @public
 */
export interface FakeSendGridKey {
  /** The whole key. */
  readonly apiKey: string;
  /**
   * What the key may do; `mail.send` is what sending needs.
   * Default `mail.send` and `user.account.read`.
   */
  readonly scopes?: readonly string[];
  /**
   * The verified senders: addresses, or domains (`example.com`) for every address in them. Mail from
   * another address is refused with 403. Default: any address.
   */
  readonly senders?: readonly string[];
  /**
   * The data residency the key belongs to; at the host of the other one it is refused with 401.
   * Seen only through `route()`. Default `global`.
   */
  readonly region?: 'global' | 'eu';
}

const DEFAULT_SCOPES = ['mail.send', 'user.account.read'];

/**
 * The keys of a stand-in and what each may do.
 *
 * @internal
 */
export class SendGridKeys {
  readonly #keys = new Map<string, FakeSendGridKey>();

  /** @throws TypeError for a key that is no string, is empty or has a space; its value is not shown */
  constructor(keys: readonly FakeSendGridKey[]) {
    for (const key of keys) {
      if (typeof key.apiKey !== 'string' || !/^\S+$/.test(key.apiKey)) {
        throw new TypeError('apiKey must be a string without spaces that is not empty.');
      }
      if (this.#keys.has(key.apiKey)) throw new TypeError('An API key is given twice.');
      this.#keys.set(key.apiKey, structuredClone(key));
    }
  }

  /** The key, `undefined` when there is none or it belongs to another residency. */
  find(apiKey: string, region: 'global' | 'eu' | undefined): FakeSendGridKey | undefined {
    const key = this.#keys.get(apiKey);
    if (key === undefined || region === undefined) return key;
    return (key.region ?? 'global') === region ? key : undefined;
  }

  scopesOf(key: FakeSendGridKey): readonly string[] {
    return key.scopes ?? DEFAULT_SCOPES;
  }

  maySendFrom(key: FakeSendGridKey, email: string): boolean {
    if (key.senders === undefined) return true;
    const address = email.toLowerCase();
    return key.senders.some((sender) => {
      const allowed = sender.toLowerCase();
      return allowed.includes('@') ? address === allowed : address.endsWith(`@${allowed}`);
    });
  }
}

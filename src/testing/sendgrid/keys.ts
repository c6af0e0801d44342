import { randomBytes } from 'node:crypto';
import { Refusal } from '../http.ts';
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
  /** Its name in the list of keys. */
  readonly name?: string;
}

/** As at SendGrid. */
const MAX_KEYS = 100;
/** SendGrid gives these to each key that the API makes. */
const AUTOMATIC_SCOPES = ['sender_verification_eligible', '2fa_required'];

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

  /** The keys that are not revoked. */
  live(): FakeSendGridKey[] {
    return [...this.#keys.values()].filter(({ apiKey }) => !this.#revocations.has(apiKey));
  }

  /** @throws Refusal past 100 keys */
  make(name: string, scopes: readonly string[], maker: FakeSendGridKey): FakeSendGridKey {
    if (this.live().length >= MAX_KEYS) {
      throw new Refusal({ status: 403, message: 'Cannot create more than 100 API Keys' });
    }
    const parts = [16, 32].map((size) => randomBytes(size).toString('base64url'));
    const apiKey = ['SG', ...parts].join('.');
    const { senders } = maker;
    const all = [...new Set([...scopes, ...AUTOMATIC_SCOPES])];
    const key = { apiKey, name, scopes: all, ...(senders && { senders }) };
    this.#keys.set(apiKey, key);
    return key;
  }

  /** @throws Refusal where there is no such key */
  remove(id: string): void {
    const key = this.live().find(({ apiKey }) => keyId(apiKey) === id);
    if (key === undefined) throw new Refusal({ status: 404 });
    this.#revocations.add(key.apiKey);
  }

  /** The key, `undefined` when it does not exist or is dead. */
  find(apiKey: string): FakeSendGridKey | undefined {
    return this.#revocations.isDead(apiKey) ? undefined : this.#keys.get(apiKey);
  }
}

/** The id of a key, which is a part of it. @internal */
export function keyId(apiKey: string): string {
  return apiKey.split('.')[1] ?? '';
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

import { setTimeout as sleep } from 'node:timers/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import { isVaultError, type VaultErrorCode } from 'provider-vault';

/** Every secret of a soak begins with it: it must turn up nowhere but where a secret was asked for. */
export const MARK = 'deadbeef';

export type Content = Readonly<Record<string, string | undefined>> | undefined;

/** What the process of a soak says at its end. */
export interface SoakReport {
  /** Wrong answers, unexpected errors, secrets where none belong. */
  readonly wrong: readonly string[];
  readonly warnings: readonly string[];
  /** How often each kind of call was done. */
  readonly done: Readonly<Record<string, number>>;
  /** Audit events. */
  readonly events: number;
  /** How many calls got no answer while the KMS was away, the store was away, and at other times. */
  readonly unanswered: { readonly kms: number; readonly store: number; readonly otherwise: number };
  /** Conditional writes that found the record sealed anew by a renewal of keys. */
  readonly overtaken: number;
  /** Bytes in use after a quarter of the time, and at the end. */
  readonly memory: { readonly early: number; readonly late: number };
  /** What keeps the event loop alive, before anything is opened and after all is closed. */
  readonly resources: { readonly before: readonly string[]; readonly after: readonly string[] };
  /** Ids of the keys that records and earlier versions need in the end. */
  readonly keys: readonly string[];
  readonly historyKeys: readonly string[];
}

/** What every record must hold. After a write whose answer was lost, one of several contents. */
export class Model {
  readonly #contents = new Map<string, readonly Content[]>();

  /** The one content, unless a write has failed since it was read. */
  settled(key: string): Content | 'unsettled' {
    const contents = this.#contents.get(key) ?? [undefined];
    return contents.length === 1 ? contents[0] : 'unsettled';
  }

  /** Takes what was read. Throws for what nobody has written. */
  read(key: string, found: Content): void {
    const contents = this.#contents.get(key) ?? [undefined];
    if (!contents.some((content) => isDeepStrictEqual(content, found))) {
      throw new WrongAnswer(`${key}: ${inspect(found)} instead of ${inspect(contents)}`);
    }
    this.#contents.set(key, [found]);
  }

  /** Runs a write. When it fails the record holds the new content or the old, unless it was refused. */
  async write(key: string, content: Content, write: () => Promise<unknown>): Promise<void> {
    const before = this.#contents.get(key) ?? [undefined];
    this.#contents.set(key, [...before, content]);
    try {
      await write();
      this.#contents.set(key, [content]);
    } catch (error) {
      const refused =
        isVaultError(error, 'ERR_CONFLICT') || isVaultError(error, 'ERR_KEY_UNAVAILABLE');
      if (refused) this.#contents.set(key, before);
      throw error;
    }
  }
}

export class WrongAnswer extends Error {}

export function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new WrongAnswer(`${what}: ${inspect(actual)} instead of ${inspect(expected)}`);
}

/** A refusal to answer now: right while a part is away, and on a machine too busy to answer in time. */
const AWAY: readonly VaultErrorCode[] = [
  'ERR_KEY_UNAVAILABLE',
  'ERR_STORE_UNAVAILABLE',
  'ERR_LEASE_TIMEOUT',
];
export const isAway = (error: unknown) => AWAY.some((code) => isVaultError(error, code));

/** Does what can be done again until every part answers. */
export async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isAway(error)) throw error;
      await sleep(50);
    }
  }
}

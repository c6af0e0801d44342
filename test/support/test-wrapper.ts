import { randomBytes } from 'node:crypto';
import { type KeyContext, type KeyWrapper, open, seal, VaultError } from 'provider-vault';

/** A KMS in this process, which counts its calls, and can be stopped or made to hang. */
export class TestKms implements KeyWrapper {
  readonly id: string;
  readonly calls = { wrap: 0, unwrap: 0 };
  state: 'up' | 'down' | 'hanging' = 'up';
  /** Milliseconds that each call takes. */
  delayMs = 0;
  readonly #key: Uint8Array;

  /** @param key - 32 bytes; the same key in another process is the same KMS */
  constructor(id = 'test-kms', key: Uint8Array = randomBytes(32)) {
    this.id = id;
    this.#key = key;
  }

  get total(): number {
    return this.calls.wrap + this.calls.unwrap;
  }

  async wrap(key: Uint8Array, _context: KeyContext): Promise<Uint8Array> {
    this.calls.wrap++;
    await this.#answer();
    return Buffer.from(seal(key, this.#key), 'base64');
  }

  async unwrap(wrapped: Uint8Array, _context: KeyContext): Promise<Uint8Array> {
    this.calls.unwrap++;
    await this.#answer();
    try {
      return open(Buffer.from(wrapped).toString('base64'), this.#key);
    } catch (error) {
      throw new VaultError('ERR_KEY_UNAVAILABLE', `${this.id} refuses to unwrap.`, {
        cause: error,
      });
    }
  }

  async #answer(): Promise<void> {
    if (this.state === 'hanging') await new Promise(() => {});
    if (this.state === 'down') throw new VaultError('ERR_KEY_UNAVAILABLE', `${this.id} is down.`);
    await new Promise((resolve) => setTimeout(resolve, this.delayMs));
  }
}

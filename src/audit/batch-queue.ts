import { VaultError } from '../errors.ts';

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes items in batches without making any of them wait for company: what comes while a batch is
 * being written goes together with the next.
 *
 * @internal
 */
export class BatchQueue<T> {
  readonly #write: (items: readonly T[]) => Promise<void>;
  readonly #batchSize: number;
  readonly #maxQueued: number;
  #waiting: Waiting<T>[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(options: {
    batchSize: number;
    maxQueued: number;
    write: (items: readonly T[]) => Promise<void>;
  }) {
    this.#write = options.write;
    this.#batchSize = options.batchSize;
    this.#maxQueued = options.maxQueued;
  }

  /**
   * Adds one; what it returns settles when the item is written.
   *
   * @throws VaultError what `write` throws; `ERR_STORE_UNAVAILABLE` when there is no room, or it is
   * closed
   */
  async add(item: T): Promise<void> {
    if (this.#closed) throw new VaultError('ERR_STORE_UNAVAILABLE', 'The queue is closed.');
    if (this.#waiting.length >= this.#maxQueued) {
      const message = `${this.#maxQueued} items wait to be written already.`;
      throw new VaultError('ERR_STORE_UNAVAILABLE', message);
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** Waits until nothing waits. */
  async drained(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Takes no more. */
  close(): void {
    this.#closed = true;
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // those who add in the same turn go together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#batchSize);
      try {
        await this.#write(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#working = undefined;
  }
}

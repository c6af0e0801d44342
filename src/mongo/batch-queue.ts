import { VaultError } from '../errors.ts';

/** Writes a batch; returns the errors of the items that could not be written, by index. */
type BatchWriter<T> = (items: readonly T[]) => Promise<ReadonlyMap<number, unknown>>;

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes items in batches without delaying any of them: items that arrive while a batch is being
 * written form the next one.
 *
 * @internal
 */
export class BatchQueue<T> {
  readonly #write: BatchWriter<T>;
  readonly #batchSize: number;
  readonly #maxQueued: number;
  #waiting: Waiting<T>[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(options: {
    batchSize: number;
    maxQueued: number;
    write: BatchWriter<T>;
  }) {
    this.#write = options.write;
    this.#batchSize = options.batchSize;
    this.#maxQueued = options.maxQueued;
  }

  /**
   * Adds an item; settles when the item is written.
   *
   * @throws VaultError the error of `write`; `ERR_STORE_UNAVAILABLE` when the queue is full or closed
   */
  async add(item: T): Promise<void> {
    if (this.#closed) throw new VaultError('ERR_STORE_UNAVAILABLE', 'The queue is closed.');
    if (this.#waiting.length >= this.#maxQueued) {
      const message = `${this.#maxQueued} items are waiting to be written already.`;
      throw new VaultError('ERR_STORE_UNAVAILABLE', message);
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  /** Settles when the queue is empty. */
  async drained(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Accepts no more items. */
  close(): void {
    this.#closed = true;
  }

  async #work(): Promise<void> {
    await Promise.resolve(); // items that are added in the same turn form one batch
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#batchSize);
      try {
        const failures = await this.#write(batch.map(({ item }) => item));
        for (const [index, { resolve, reject }] of batch.entries()) {
          if (failures.has(index)) reject(failures.get(index));
          else resolve();
        }
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#working = undefined;
  }
}

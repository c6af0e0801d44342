import type { SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import { RecordTable } from './record-table.ts';
import type { ScanQuery, SecretStore, StoreWrite } from './secret-store.ts';

/**
 * Records in this process's memory: for tests and demos. Everything is gone with the process.
 *
 * @public
 */
export class MemorySecretStore implements SecretStore {
  readonly #table = new RecordTable();
  readonly #listeners = new Set<(ref: SecretRef) => void>();

  /** {@inheritDoc SecretStore.get} */
  async get(ref: SecretRef): Promise<SecretRecord | undefined> {
    const record = this.#table.get(ref);
    return record && structuredClone(record);
  }

  /** {@inheritDoc SecretStore.getMany} */
  async getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]> {
    return structuredClone(this.#table.getMany(refs));
  }

  /** {@inheritDoc SecretStore.list} */
  async list(tenantId: string): Promise<SecretRecord[]> {
    return structuredClone(this.#table.list(tenantId));
  }

  /** {@inheritDoc SecretStore.put} */
  async put(record: SecretRecord, expectedRev: number, seen?: string | null): Promise<boolean> {
    const write = { record, expectedRev, ...(seen !== undefined && { seen }) };
    return this.#told(record, this.#table.put(write));
  }

  /** {@inheritDoc SecretStore.putMany} */
  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    return writes.map((write) => this.#told(write.record, this.#table.put(write)));
  }

  /** {@inheritDoc SecretStore.supersede} */
  async supersede(record: SecretRecord, expectedRev: number, keep: number): Promise<boolean> {
    return this.#told(record, this.#table.supersede(record, expectedRev, keep));
  }

  /** {@inheritDoc SecretStore.delete} */
  async delete(ref: SecretRef, expectedRev?: number): Promise<boolean> {
    return this.#told(ref, this.#table.delete(ref, expectedRev));
  }

  /** {@inheritDoc SecretStore.scan} */
  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    for (const batch of this.#table.batches(query)) {
      // Read again: a record may have changed or gone since the scan began.
      const current = await this.getMany(batch);
      if (current.length > 0) yield current;
    }
  }

  /** {@inheritDoc SecretStore.count} */
  async count(): Promise<number> {
    return this.#table.size;
  }

  /** {@inheritDoc SecretStore.watch} */
  async watch(listener: (ref: SecretRef) => void): Promise<() => Promise<void>> {
    this.#listeners.add(listener);
    return async () => {
      this.#listeners.delete(listener);
    };
  }

  #told({ tenantId, provider }: SecretRef, changed: boolean): boolean {
    if (changed) for (const listener of this.#listeners) listener({ tenantId, provider });
    return changed;
  }
}

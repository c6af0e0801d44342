import type { SecretRecord, SecretRef } from '../record.ts';
import { RecordTable } from './record-table.ts';
import type {
  ScanQuery,
  ScanRange,
  SecretStore,
  StoreLookup,
  StoreReadOptions,
  StoreWrite,
} from './secret-store.ts';

/**
 * Records in this process's memory: for tests and demos. They are gone with the process.
 *
 * @example
 * ```ts
 * const vault = new SecretsVault({ store: new MemorySecretStore(), keys });
 * ```
 * @public
 */
export class MemorySecretStore implements SecretStore {
  readonly #table = new RecordTable();
  readonly #listeners = new Set<(ref: SecretRef) => void>();

  async get(ref: SecretRef, options?: StoreReadOptions): Promise<SecretRecord | undefined> {
    return this.#table.get(ref, options);
  }

  async getMany(refs: readonly SecretRef[], options?: StoreReadOptions): Promise<SecretRecord[]> {
    return this.#table.getMany(refs, options);
  }

  async list(tenantId: string, options?: StoreReadOptions): Promise<SecretRecord[]> {
    return this.#table.list(tenantId, options);
  }

  async put(record: SecretRecord, expected: string | null): Promise<boolean> {
    return this.#told(record, this.#table.put({ record, expected }));
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    return writes.map((write) => this.#told(write.record, this.#table.put(write)));
  }

  async delete(ref: SecretRef, expected?: string): Promise<boolean> {
    return this.#told(ref, this.#table.delete(ref, expected));
  }

  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    for (const batch of this.#table.batches(query)) {
      // Read again: a record may have changed or gone since the scan began.
      const current = await this.getMany(batch);
      if (current.length > 0) yield current;
    }
  }

  async find(lookup: StoreLookup): Promise<string[]> {
    return this.#table.find(lookup);
  }

  async count(): Promise<number> {
    return this.#table.size;
  }

  async split(parts: number): Promise<ScanRange[]> {
    return this.#table.split(parts);
  }

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

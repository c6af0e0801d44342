import { revOf, type SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import { supersede } from './record-merge.ts';
import {
  DEFAULT_SCAN_BATCH,
  type ScanQuery,
  type SecretStore,
  type StoreWrite,
} from './secret-store.ts';

/**
 * Records in this process's memory: for tests and demos. Everything is gone with the process.
 *
 * @public
 */
export class MemorySecretStore implements SecretStore {
  readonly #records = new Map<string, SecretRecord>();
  readonly #listeners = new Set<(ref: SecretRef) => void>();

  /** {@inheritDoc SecretStore.get} */
  async get(ref: SecretRef): Promise<SecretRecord | undefined> {
    const record = this.#records.get(keyOf(ref));
    return record && structuredClone(record);
  }

  async getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]> {
    const keys = new Set(refs.map(keyOf));
    return [...keys].flatMap((key) => this.#records.get(key) ?? []).map((r) => structuredClone(r));
  }

  async list(tenantId: string): Promise<SecretRecord[]> {
    return this.#sorted((record) => record.tenantId === tenantId).map((r) => structuredClone(r));
  }

  async put(record: SecretRecord, expectedRev: number, seen?: string | null): Promise<boolean> {
    const stored = this.#records.get(keyOf(record));
    if (revOf(stored) !== expectedRev) return false;
    if (seen !== undefined && seen !== (stored?.data ?? null)) return false;
    this.#write(record);
    return true;
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    return Promise.all(
      writes.map(({ record, expectedRev, seen }) => this.put(record, expectedRev, seen)),
    );
  }

  async supersede(record: SecretRecord, expectedRev: number, keep: number): Promise<boolean> {
    const stored = this.#records.get(keyOf(record));
    if (revOf(stored) !== expectedRev) return false;
    this.#write(supersede(stored, record, keep));
    return true;
  }

  async delete(ref: SecretRef, expectedRev?: number): Promise<boolean> {
    const stored = this.#records.get(keyOf(ref));
    if (stored === undefined) return false;
    if (expectedRev !== undefined && revOf(stored) !== expectedRev) return false;
    this.#records.delete(keyOf(ref));
    this.#tell(ref);
    return true;
  }

  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    const { batchSize = DEFAULT_SCAN_BATCH, after, keyId } = query;
    const found = this.#sorted(
      (record) =>
        (after === undefined || compare(record, after) > 0) &&
        (keyId === undefined || record.metadata?.keyId === keyId),
    );
    for (let start = 0; start < found.length; start += batchSize) {
      // Read again: a record may have changed or gone since the scan began.
      yield await this.getMany(found.slice(start, start + batchSize));
    }
  }

  async watch(listener: (ref: SecretRef) => void): Promise<() => Promise<void>> {
    this.#listeners.add(listener);
    return async () => {
      this.#listeners.delete(listener);
    };
  }

  #write(record: SecretRecord): void {
    this.#records.set(keyOf(record), structuredClone(record));
    this.#tell(record);
  }

  #tell({ tenantId, provider }: SecretRef): void {
    for (const listener of this.#listeners) listener({ tenantId, provider });
  }

  #sorted(wanted: (record: SecretRecord) => boolean): SecretRecord[] {
    return [...this.#records.values()].filter(wanted).sort(compare);
  }
}

// Names hold no control characters, so that a newline keeps "a" + "b/c" and "a/b" + "c" apart.
function keyOf(ref: SecretRef): string {
  return `${ref.tenantId}\n${ref.provider}`;
}

function compare(a: SecretRef, b: SecretRef): number {
  if (a.tenantId !== b.tenantId) return a.tenantId < b.tenantId ? -1 : 1;
  if (a.provider === b.provider) return 0;
  return a.provider < b.provider ? -1 : 1;
}

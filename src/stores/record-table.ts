import { revOf, type SecretRecord } from '../record/record.ts';
import { addressOf, type SecretRef } from '../record/ref.ts';
import { supersede } from './record-merge.ts';
import { DEFAULT_SCAN_BATCH, type ScanQuery, type StoreWrite } from './secret-store.ts';

/**
 * Records by address, with the rules of a store: what the memory store is, and what the file store
 * reads and writes as a whole.
 *
 * @internal
 */
export class RecordTable {
  readonly #records: Map<string, SecretRecord>;

  constructor(records: Iterable<SecretRecord> = []) {
    this.#records = new Map([...records].map((record) => [addressOf(record), record]));
  }

  get size(): number {
    return this.#records.size;
  }

  get(ref: SecretRef): SecretRecord | undefined {
    return this.#records.get(addressOf(ref));
  }

  getMany(refs: readonly SecretRef[]): SecretRecord[] {
    const keys = new Set(refs.map(addressOf));
    return [...keys].flatMap((key) => this.#records.get(key) ?? []);
  }

  list(tenantId: string): SecretRecord[] {
    return this.sorted((record) => record.tenantId === tenantId);
  }

  put({ record, expectedRev, seen }: StoreWrite): boolean {
    const stored = this.get(record);
    if (revOf(stored) !== expectedRev) return false;
    if (seen !== undefined && seen !== (stored?.data ?? null)) return false;
    this.#records.set(addressOf(record), structuredClone(record));
    return true;
  }

  supersede(record: SecretRecord, expectedRev: number, keep: number): boolean {
    const stored = this.get(record);
    return this.put({ record: supersede(stored, record, keep), expectedRev });
  }

  delete(ref: SecretRef, expectedRev?: number): boolean {
    const stored = this.get(ref);
    if (stored === undefined) return false;
    if (expectedRev !== undefined && revOf(stored) !== expectedRev) return false;
    return this.#records.delete(addressOf(ref));
  }

  /** The addresses that a scan goes through, in batches. */
  batches({ batchSize = DEFAULT_SCAN_BATCH, after, keyId }: ScanQuery): SecretRecord[][] {
    const found = this.sorted(
      (record) =>
        (after === undefined || compare(record, after) > 0) &&
        (keyId === undefined || record.metadata?.keyId === keyId),
    );
    const batches = [];
    for (let start = 0; start < found.length; start += batchSize) {
      batches.push(found.slice(start, start + batchSize));
    }
    return batches;
  }

  /** The records that `wanted` picks, by tenant and provider. */
  sorted(wanted: (record: SecretRecord) => boolean = () => true): SecretRecord[] {
    return [...this.#records.values()].filter(wanted).sort(compare);
  }
}

function compare(a: SecretRef, b: SecretRef): number {
  if (a.tenantId !== b.tenantId) return a.tenantId < b.tenantId ? -1 : 1;
  if (a.provider === b.provider) return 0;
  return a.provider < b.provider ? -1 : 1;
}

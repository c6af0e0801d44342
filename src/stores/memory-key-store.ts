import type { KeyEntry, KeyScanQuery, KeyStore } from './key-store.ts';
import { fromKeyRecord, keyRef, toKeyRecord, toRecordQuery } from './key-table.ts';
import { RecordTable } from './record-table.ts';

/**
 * Wrapped keys in this process's memory: for tests and demos. They are gone with the process, and so
 * is what they sealed.
 *
 * @example
 * ```ts
 * const keys = new TenantKeys({ wrapper: localWrapper(Keyring.fromEnv()), store: new MemoryKeyStore() });
 * ```
 * @public
 */
export class MemoryKeyStore implements KeyStore {
  readonly #table = new RecordTable();

  async get(tenantId: string): Promise<KeyEntry | undefined> {
    const record = this.#table.get(keyRef(tenantId));
    return record && fromKeyRecord(record);
  }

  async put(entry: KeyEntry, expected: string | null): Promise<boolean> {
    return this.#table.put({ record: toKeyRecord(entry), expected });
  }

  async *scan(query: KeyScanQuery): AsyncIterable<KeyEntry[]> {
    for (const batch of this.#table.batches(toRecordQuery(query))) {
      yield this.#table.getMany(batch).map(fromKeyRecord);
    }
  }
}

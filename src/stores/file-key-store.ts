import { openOnUse } from './file/open-on-use.ts';
import type { RecordFile } from './file/record-file.ts';
import type { KeyEntry, KeyScanQuery, KeyStore } from './key-store.ts';
import { fromKeyRecord, keyRef, toKeyRecord, toRecordQuery } from './key-table.ts';

/**
 * Wrapped keys in one JSON file, readable by its owner only: for development and small
 * installations. Several processes may use it. It is not the file of the records.
 *
 * @example
 * ```ts
 * const store = new FileKeyStore('./secrets.json.keys');
 * ```
 * @public
 */
export class FileKeyStore implements KeyStore {
  readonly #open: () => Promise<RecordFile>;

  /**
   * @param path - the file; the first write makes it, its folder must exist
   */
  constructor(path: string) {
    this.#open = openOnUse('FileKeyStore', path, 'provider-vault-keys/1');
  }

  /** Creates the file if it is missing, readable by its owner only; every write does so too. */
  async init(): Promise<void> {
    await (await this.#open()).prepare();
  }

  async get(tenantId: string): Promise<KeyEntry | undefined> {
    const record = (await (await this.#open()).read()).get(keyRef(tenantId));
    return record && fromKeyRecord(record);
  }

  async put(entry: KeyEntry, expected: string | null): Promise<boolean> {
    const write = { record: toKeyRecord(entry), expected };
    const [written = false] = await (await this.#open()).putMany([write]);
    return written;
  }

  async *scan(query: KeyScanQuery): AsyncIterable<KeyEntry[]> {
    const file = await this.#open();
    for (const batch of (await file.read()).batches(toRecordQuery(query))) {
      yield (await file.read()).getMany(batch).map(fromKeyRecord);
    }
  }
}

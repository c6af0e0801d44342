import { resolve } from 'node:path';
import { invalidArgument } from '../errors.ts';
import type { RecordFile } from './file/record-file.ts';
import type { KeyEntry, KeyScanQuery, KeyStore } from './key-store.ts';
import { fromKeyRecord, keyRef, toKeyRecord, toRecordQuery } from './key-table.ts';

/**
 * Wrapped keys in one JSON file, readable by its owner only: for development and small
 * installations. Several processes may use it. It is not the file of the records.
 *
 * @public
 */
export class FileKeyStore implements KeyStore {
  readonly #path: string;
  #file: Promise<RecordFile> | undefined;

  /**
   * @param path - the file; the first write makes it, its folder must exist
   */
  constructor(path: string) {
    if (typeof path !== 'string' || path === '') {
      throw invalidArgument('FileKeyStore needs the path of a file.');
    }
    this.#path = resolve(path);
  }

  /** Makes the file if there is none, and lets only its owner read it; every write does so too. */
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

  #open(): Promise<RecordFile> {
    this.#file ??= import('./file/record-file.ts').then(
      ({ RecordFile }) => new RecordFile(this.#path, 'provider-vault-keys/1'),
    );
    return this.#file;
  }
}

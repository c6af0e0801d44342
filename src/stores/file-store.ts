import type { SecretRecord, SecretRef } from '../record.ts';
import { openOnUse } from './file/open-on-use.ts';
import type { RecordFile } from './file/record-file.ts';
import type {
  ScanQuery,
  ScanRange,
  SecretStore,
  StoreLookup,
  StoreReadOptions,
  StoreWrite,
} from './secret-store.ts';

/**
 * Records in one JSON file, readable by its owner only: for development, small installations and the
 * command line. Several processes may use it.
 *
 * Every write replaces the whole file at once, so that a process killed at any moment leaves the old
 * content or the new. It is not made for thousands of records.
 *
 * @example
 * ```ts
 * const vault = new SecretsVault({ store: new FileSecretStore('./secrets.json'), keys });
 * ```
 * @public
 */
export class FileSecretStore implements SecretStore {
  readonly #open: () => Promise<RecordFile>;

  /**
   * @param path - the file; the first write makes it, its folder must exist
   */
  constructor(path: string) {
    this.#open = openOnUse('FileSecretStore', path, 'provider-vault/1');
  }

  /** Creates the file if it is missing, readable by its owner only; every write does so too. */
  async init(): Promise<void> {
    await (await this.#open()).prepare();
  }

  async get(ref: SecretRef, options?: StoreReadOptions): Promise<SecretRecord | undefined> {
    return (await (await this.#open()).read()).get(ref, options);
  }

  async getMany(refs: readonly SecretRef[], options?: StoreReadOptions): Promise<SecretRecord[]> {
    return (await (await this.#open()).read()).getMany(refs, options);
  }

  async list(tenantId: string, options?: StoreReadOptions): Promise<SecretRecord[]> {
    return (await (await this.#open()).read()).list(tenantId, options);
  }

  async put(record: SecretRecord, expected: string | null): Promise<boolean> {
    const [written = false] = await this.putMany([{ record, expected }]);
    return written;
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    return (await this.#open()).putMany(writes);
  }

  async delete(ref: SecretRef, expected?: string): Promise<boolean> {
    return (await this.#open()).delete(ref, expected);
  }

  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    const file = await this.#open();
    for (const batch of (await file.read()).batches(query)) {
      const current = (await file.read()).getMany(batch);
      if (current.length > 0) yield current;
    }
  }

  async find(lookup: StoreLookup): Promise<string[]> {
    return (await (await this.#open()).read()).find(lookup);
  }

  async count(): Promise<number> {
    return (await (await this.#open()).read()).size;
  }

  async split(parts: number): Promise<ScanRange[]> {
    return (await (await this.#open()).read()).split(parts);
  }
}

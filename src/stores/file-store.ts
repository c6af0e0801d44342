import { chmod, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { invalidArgument, isVaultError, VaultError } from '../errors.ts';
import type { SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import { formatRecords, parseRecords } from './file-format.ts';
import { RecordTable } from './record-table.ts';
import type { ScanQuery, SecretStore, StoreWrite } from './secret-store.ts';

const OWNER_ONLY = 0o600;
// A process that is killed leaves its lock; another takes it over after this long.
const STALE_AFTER_MS = 5_000;
const REFRESH_LOCK_MS = 1_000;
const LOCK_RETRIES = { retries: 200, factor: 1.2, minTimeout: 5, maxTimeout: 100, randomize: true };

/**
 * Records in one JSON file, readable by its owner only: for development, small installations and the
 * command line. Several processes may use it.
 *
 * Every write replaces the whole file at once, so that a process killed at any moment leaves the old
 * content or the new. It is not for thousands of records.
 *
 * @public
 */
export class FileSecretStore implements SecretStore {
  readonly #path: string;
  #writing: Promise<unknown> = Promise.resolve();

  /**
   * @param path - the file; it is made by the first write, its folder must exist
   */
  constructor(path: string) {
    if (typeof path !== 'string' || path === '') {
      throw invalidArgument('FileSecretStore needs the path of a file.');
    }
    this.#path = resolve(path);
  }

  /** Takes from others the right to read the file, if they have it. */
  async init(): Promise<void> {
    try {
      await chmod(this.#path, OWNER_ONLY);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw this.#failure(error);
    }
  }

  /** {@inheritDoc SecretStore.get} */
  async get(ref: SecretRef): Promise<SecretRecord | undefined> {
    return (await this.#read()).get(ref);
  }

  /** {@inheritDoc SecretStore.getMany} */
  async getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]> {
    return (await this.#read()).getMany(refs);
  }

  /** {@inheritDoc SecretStore.list} */
  async list(tenantId: string): Promise<SecretRecord[]> {
    return (await this.#read()).list(tenantId);
  }

  /** {@inheritDoc SecretStore.put} */
  async put(record: SecretRecord, expectedRev: number, seen?: string | null): Promise<boolean> {
    const write = { record, expectedRev, ...(seen !== undefined && { seen }) };
    return this.#change((table) => table.put(write));
  }

  /** {@inheritDoc SecretStore.putMany} */
  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    return this.#change((table) => writes.map((write) => table.put(write)));
  }

  /** {@inheritDoc SecretStore.supersede} */
  async supersede(record: SecretRecord, expectedRev: number, keep: number): Promise<boolean> {
    return this.#change((table) => table.supersede(record, expectedRev, keep));
  }

  /** {@inheritDoc SecretStore.delete} */
  async delete(ref: SecretRef, expectedRev?: number): Promise<boolean> {
    return this.#change((table) => table.delete(ref, expectedRev));
  }

  /** {@inheritDoc SecretStore.scan} */
  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    for (const batch of (await this.#read()).batches(query)) {
      const current = await this.getMany(batch);
      if (current.length > 0) yield current;
    }
  }

  /** {@inheritDoc SecretStore.count} */
  async count(): Promise<number> {
    return (await this.#read()).size;
  }

  // Without the lock: the file is replaced as a whole, so that it is never half written.
  async #read(): Promise<RecordTable> {
    try {
      return new RecordTable(parseRecords(await readFile(this.#path, 'utf8'), this.#path));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return new RecordTable();
      throw this.#failure(error);
    }
  }

  /** Runs `change` on the current records, and writes them if it says that something changed. */
  #change<T extends boolean | boolean[]>(change: (table: RecordTable) => T): Promise<T> {
    const done = this.#writing.then(() => this.#locked(change));
    this.#writing = done.catch(() => {});
    return done;
  }

  async #locked<T extends boolean | boolean[]>(change: (table: RecordTable) => T): Promise<T> {
    // Loaded here: whoever uses another store does not pay for them.
    const [{ default: lockfile }, { default: writeFileAtomic }] = await Promise.all([
      import('proper-lockfile'),
      import('write-file-atomic'),
    ]);
    let lost = false;
    let release: () => Promise<void>;
    try {
      release = await lockfile.lock(this.#path, {
        realpath: false, // the file need not exist yet
        stale: STALE_AFTER_MS,
        update: REFRESH_LOCK_MS,
        retries: LOCK_RETRIES,
        onCompromised: () => {
          lost = true;
        },
      });
    } catch (error) {
      throw this.#failure(error);
    }
    try {
      const table = await this.#read();
      const result = change(table);
      const changed = Array.isArray(result) ? result.includes(true) : result;
      if (!changed) return result;
      if (lost) throw this.#failure({ code: 'ELOCKED' });
      const text = formatRecords(table.sorted());
      await writeFileAtomic(this.#path, text, { mode: OWNER_ONLY, fsync: true });
      return result;
    } catch (error) {
      throw this.#failure(error);
    } finally {
      await release().catch(() => {}); // taken over meanwhile: then it is another's to release
    }
  }

  #failure(error: unknown): VaultError {
    if (isVaultError(error)) return error;
    const code = codeOf(error) ?? 'unknown error';
    const locked = code === 'ELOCKED';
    return new VaultError(
      locked ? 'ERR_STORE_UNAVAILABLE' : 'ERR_STORE_FAILED',
      locked
        ? `The file ${this.#path} is locked by another process.`
        : `The file ${this.#path} cannot be used (${code})${code === 'ENOENT' ? ': its folder does not exist' : ''}.`,
    );
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

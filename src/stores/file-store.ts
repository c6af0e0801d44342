import { chmod, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { invalidArgument, isVaultError, VaultError } from '../errors.ts';
import type { SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import { syncFolder, writeDraft } from './file-draft.ts';
import { formatRecords, fromJsonRecord, parseRecords, toJsonRecord } from './file-format.ts';
import { codeOf, FILE_LOCKED, withFileLock } from './file-lock.ts';
import { RecordTable } from './record-table.ts';
import type { ScanQuery, SecretStore, StoreWrite } from './secret-store.ts';

const OWNER_ONLY = 0o600;
// What may be over in a moment: a full disk, too many open files, another who holds it.
const UNAVAILABLE_CODES = new Set([
  FILE_LOCKED,
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'EAGAIN',
  'EBUSY',
]);
const MEANINGS: Record<string, string> = {
  [FILE_LOCKED]: 'another process holds its lock',
  ENOENT: 'its folder does not exist',
  EACCES: 'this process has no right to it',
  EPERM: 'it belongs to another user',
  ENOSPC: 'the disk is full',
};

type Result = boolean | readonly boolean[];

interface Change {
  apply(table: RecordTable): Result;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

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
  #waiting: Change[] = [];
  #writing = false;

  /**
   * @param path - the file; it is made by the first write, its folder must exist
   */
  constructor(path: string) {
    if (typeof path !== 'string' || path === '') {
      throw invalidArgument('FileSecretStore needs the path of a file.');
    }
    this.#path = resolve(path);
  }

  /** Takes from others the right to read the file, if they have it; every write does so as well. */
  async init(): Promise<void> {
    await this.#read();
    await chmod(this.#path, OWNER_ONLY).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw this.#failure(error);
    });
  }

  /** {@inheritDoc SecretStore.get} */
  async get(ref: SecretRef): Promise<SecretRecord | undefined> {
    const record = (await this.#read()).get(ref);
    return record && fromJsonRecord(record);
  }

  /** {@inheritDoc SecretStore.getMany} */
  async getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]> {
    return (await this.#read()).getMany(refs).map(fromJsonRecord);
  }

  /** {@inheritDoc SecretStore.list} */
  async list(tenantId: string): Promise<SecretRecord[]> {
    return (await this.#read()).list(tenantId).map(fromJsonRecord);
  }

  /** {@inheritDoc SecretStore.put} */
  async put(record: SecretRecord, expectedRev: number, seen?: string | null): Promise<boolean> {
    const write = {
      record: toJsonRecord(record),
      expectedRev,
      ...(seen !== undefined && { seen }),
    };
    return this.#change((table) => table.put(write));
  }

  /** {@inheritDoc SecretStore.putMany} */
  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    const kept = writes.map((write) => ({ ...write, record: toJsonRecord(write.record) }));
    return this.#change((table) => kept.map((write) => table.put(write)));
  }

  /** {@inheritDoc SecretStore.supersede} */
  async supersede(record: SecretRecord, expectedRev: number, keep: number): Promise<boolean> {
    const kept = toJsonRecord(record);
    return this.#change((table) => table.supersede(kept, expectedRev, keep));
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
      if (codeOf(error) !== 'ENOENT') throw this.#failure(error);
      // No file yet is no record. No folder is a wrong path, or a disk that is not there.
      await stat(dirname(this.#path)).catch((missing) => {
        throw this.#failure(missing);
      });
      return new RecordTable();
    }
  }

  #change<T extends Result>(apply: (table: RecordTable) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ apply, resolve: resolve as Change['resolve'], reject });
      if (!this.#writing) void this.#writeWaiting();
    });
  }

  // All changes that wait are written at once: the cost of a write is the file, not the record.
  async #writeWaiting(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const changes = this.#waiting.splice(0);
      try {
        const results = await this.#write(changes);
        for (const [at, { resolve }] of changes.entries()) resolve(results[at] as Result);
      } catch (error) {
        const failure = this.#failure(error);
        for (const { reject } of changes) reject(failure);
      }
    }
    this.#writing = false;
  }

  async #write(changes: readonly Change[]): Promise<Result[]> {
    // A link to the file stays a link, and all agree where the lock is.
    const path = await realpath(this.#path).catch(() => this.#path);
    return withFileLock(path, async ({ draft, commit }) => {
      const table = await this.#read();
      const results = changes.map(({ apply }) => apply(table));
      if (results.flat().includes(true)) {
        await writeDraft(draft, formatRecords(table.sorted()), path);
        commit();
        await syncFolder(dirname(path));
      }
      return results;
    });
  }

  #failure(error: unknown): VaultError {
    if (isVaultError(error)) return error;
    const code = codeOf(error) ?? 'unknown error';
    const meaning = MEANINGS[code];
    return new VaultError(
      UNAVAILABLE_CODES.has(code) ? 'ERR_STORE_UNAVAILABLE' : 'ERR_STORE_FAILED',
      `The file ${this.#path} cannot be used (${code})${meaning === undefined ? '' : `: ${meaning}`}.`,
    );
  }
}

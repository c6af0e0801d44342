import { randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { chmod, type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isVaultError, VaultError } from '../../errors.ts';
import type { SecretRef } from '../../record.ts';
import { RecordTable } from '../record-table.ts';
import type { StoreWrite } from '../secret-store.ts';
import { syncFolder, writeDraft } from './draft.ts';
import {
  asWritten,
  contentId,
  type FileFormat,
  formatRecords,
  HEAD_BYTES,
  parseRecords,
} from './format.ts';
import { errnoOf, FILE_LOCKED, withFileLock } from './lock.ts';

const OWNER_ONLY = 0o600;
// Failures that may be over in a moment: a full disk, too many open files, a lock held by another.
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

interface Change {
  apply(table: RecordTable): boolean[];
  resolve(result: boolean[]): void;
  reject(error: unknown): void;
}

interface Snapshot {
  /** Identifies the content of the file. */
  readonly version: string;
  readonly table: RecordTable;
}

/**
 * The file of a `FileSecretStore` or a `FileKeyStore`.
 *
 * @internal
 */
export class RecordFile {
  readonly #path: string;
  readonly #format: FileFormat;
  #snapshot: Snapshot | undefined;
  #waiting: Change[] = [];
  #writing = false;

  constructor(path: string, format: FileFormat) {
    this.#path = path;
    this.#format = format;
  }

  /** Creates the file if it is missing, and lets only its owner read it. */
  async prepare(): Promise<void> {
    await this.read();
    try {
      await chmod(this.#path, OWNER_ONLY);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw this.#failure(error);
      await this.#change(() => [true]); // writes what there is: nothing
    }
  }

  /**
   * The records of the file as it is now; parsed again only when it has changed. It takes no lock:
   * the file is replaced as a whole, and never half written.
   */
  async read(): Promise<RecordTable> {
    let file: FileHandle | undefined;
    try {
      file = await open(this.#path, 'r');
      const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      const id = contentId(buffer.toString('latin1', 0, bytesRead));
      const version = id && contentVersion(id, await file.stat({ bigint: true }));
      if (version && this.#snapshot?.version === version) return this.#snapshot.table;
      const text = (await file.readFile()).toString();
      const table = new RecordTable(parseRecords(text, this.#path, this.#format));
      this.#snapshot = version ? { version, table } : undefined;
      return table;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw this.#failure(error);
      // A missing file means no records; a missing folder means a wrong path or an unmounted disk.
      await stat(dirname(this.#path)).catch((missing) => {
        throw this.#failure(missing);
      });
      return new RecordTable();
    } finally {
      await file?.close();
    }
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    const kept = writes.map((write) => ({ ...write, record: asWritten(write.record) }));
    return this.#change((table) => kept.map((write) => table.put(write)));
  }

  async delete(ref: SecretRef, expected?: string): Promise<boolean> {
    const [deleted = false] = await this.#change((table) => [table.delete(ref, expected)]);
    return deleted;
  }

  #change(apply: Change['apply']): Promise<boolean[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ apply, resolve, reject });
      if (!this.#writing) void this.#writeWaiting();
    });
  }

  // All waiting changes are written at once: a write costs the whole file, not a record.
  async #writeWaiting(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const changes = this.#waiting.splice(0);
      try {
        const results = await this.#write(changes);
        for (const [at, { resolve }] of changes.entries()) resolve(results[at] ?? []);
      } catch (error) {
        const failure = this.#failure(error);
        for (const { reject } of changes) reject(failure);
      }
    }
    this.#writing = false;
  }

  async #write(changes: readonly Change[]): Promise<boolean[][]> {
    // A link to the file stays a link, and all processes agree where the lock is.
    const path = await realpath(this.#path).catch(() => this.#path);
    return withFileLock(path, async ({ draft, commit }) => {
      // A table of its own: readers go on with the snapshot until the file is replaced.
      const table = new RecordTable((await this.read()).all());
      const results = changes.map(({ apply }) => apply(table));
      if (results.flat().includes(true)) {
        const id = randomBytes(16).toString('hex');
        const state = await writeDraft(draft, formatRecords(this.#format, id, table.all()), path);
        commit();
        this.#snapshot = { version: contentVersion(id, state), table };
        await syncFolder(dirname(path));
      }
      return results;
    });
  }

  #failure(error: unknown): VaultError {
    if (isVaultError(error)) return error;
    const code = errnoOf(error) ?? 'unknown error';
    const meaning = MEANINGS[code];
    return new VaultError(
      UNAVAILABLE_CODES.has(code) ? 'ERR_STORE_UNAVAILABLE' : 'ERR_STORE_FAILED',
      `The file ${this.#path} cannot be used (${code})${meaning === undefined ? '' : `: ${meaning}`}.`,
    );
  }
}

/**
 * The id tells contents apart that a file system may not: a new file can have the inode, the size
 * and, where the clock has coarse ticks, the times of the one it replaced. Size and time tell that
 * a file was edited by hand.
 */
function contentVersion(id: string, { size, mtimeNs }: BigIntStats): string {
  return [id, size, mtimeNs].join();
}

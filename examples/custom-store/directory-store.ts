import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  etag,
  type ScanQuery,
  type SecretRecord,
  type SecretRef,
  type SecretStore,
  type StoreWrite,
  VaultError,
} from 'provider-vault';

interface Version {
  /** Counts the writes of an address; the highest is the current one. */
  readonly number: number;
  /** `undefined` after a delete. */
  readonly record: SecretRecord | undefined;
}

/**
 * Records in a directory, one file for each version. A new version is linked under the next number,
 * which fails if another writer was faster: the file system does the compare-and-set [S3]. The file
 * of a replaced version is emptied [S8], but stays: its number must not be free again.
 */
export class DirectoryStore implements SecretStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async get(ref: SecretRef): Promise<SecretRecord | undefined> {
    return (await access(() => this.#current(this.#folderOf(ref)))).record;
  }

  async getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]> {
    const folders = new Set(refs.map((ref) => this.#folderOf(ref)));
    return this.#records([...folders]);
  }

  async list(tenantId: string): Promise<SecretRecord[]> {
    return (await this.#all()).filter((record) => record.tenantId === tenantId);
  }

  async put(record: SecretRecord, expected: string | null): Promise<boolean> {
    return this.#replace(record, expected, record);
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    return Promise.all(writes.map(({ record, expected }) => this.put(record, expected)));
  }

  async delete(ref: SecretRef, expected?: string): Promise<boolean> {
    for (;;) {
      const stored = await this.get(ref);
      if (stored === undefined) return false;
      if (expected !== undefined && etag(stored) !== expected) return false;
      if (await this.#replace(ref, etag(stored), undefined)) return true;
    }
  }

  async *scan({ batchSize = 100, after, until, keyId }: ScanQuery): AsyncIterable<SecretRecord[]> {
    const found = (await this.#all()).filter(
      (record) =>
        (after === undefined || compare(record, after) > 0) &&
        (until === undefined || compare(record, until) <= 0) &&
        (keyId === undefined || record.metadata?.keyId === keyId),
    );
    for (let start = 0; start < found.length; start += batchSize) {
      yield found.slice(start, start + batchSize);
    }
  }

  async #replace(
    ref: SecretRef,
    expected: string | null,
    record: SecretRecord | undefined,
  ): Promise<boolean> {
    const folder = this.#folderOf(ref);
    return access(async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const { number, record: current } = await this.#current(folder);
      if ((current ? etag(current) : null) !== expected) return false;
      const draft = join(folder, `${randomUUID()}.draft`);
      try {
        await writeFile(draft, JSON.stringify({ record }), { mode: 0o600, flush: true });
        await link(draft, fileOf(folder, number + 1));
      } catch (error) {
        if (hasCode(error, 'EEXIST')) return false;
        throw error;
      } finally {
        await rm(draft, { force: true });
      }
      if (number > 0) await truncate(fileOf(folder, number));
      return true;
    });
  }

  async #current(folder: string): Promise<Version> {
    const numbers = (await filesIn(folder)).map((file) => /^(\d+)\.json$/.exec(file)?.[1] ?? 0);
    const number = Math.max(0, ...numbers.map(Number));
    if (number === 0) return { number, record: undefined };
    const text = await readFile(fileOf(folder, number), 'utf8');
    if (text === '') return this.#current(folder); // replaced meanwhile
    return { number, record: JSON.parse(text, reviveDate).record };
  }

  async #all(): Promise<SecretRecord[]> {
    const folders = await access(() => filesIn(this.#root));
    return (await this.#records(folders.map((name) => join(this.#root, name)))).sort(compare);
  }

  async #records(folders: readonly string[]): Promise<SecretRecord[]> {
    const versions = await access(() =>
      Promise.all(folders.map((folder) => this.#current(folder))),
    );
    return versions.flatMap(({ record }) => record ?? []);
  }

  // A digest, because a name may be '..', or longer than a file name.
  #folderOf({ tenantId, provider }: SecretRef): string {
    const address = JSON.stringify([tenantId, provider]);
    return join(this.#root, createHash('sha256').update(address).digest('hex'));
  }
}

// [S7] Every failure is a VaultError. Taking a failure for "no record" would be worse.
async function access<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const { code = 'damaged' } = error as NodeJS.ErrnoException;
    const mayPass = code === 'ENOSPC' || code === 'EMFILE';
    throw new VaultError(
      mayPass ? 'ERR_STORE_UNAVAILABLE' : 'ERR_STORE_FAILED',
      `The directory of records cannot be used (${code}).`,
    );
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

function fileOf(folder: string, number: number): string {
  return join(folder, `${number}.json`);
}

function hasCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

function reviveDate(key: string, value: unknown): unknown {
  return /^(created|updated)At$/.test(key) ? new Date(value as string) : value;
}

function compare(a: SecretRef, b: SecretRef): number {
  if (a.tenantId !== b.tenantId) return a.tenantId < b.tenantId ? -1 : 1;
  if (a.provider === b.provider) return 0;
  return a.provider < b.provider ? -1 : 1;
}

import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ScanQuery, SecretRecord, SecretRef, SecretStore, StoreWrite } from 'provider-vault';

interface Version {
  /** Counts the writes of an address; the highest is the current one. */
  readonly number: number;
  /** `undefined` after a delete. */
  readonly record: SecretRecord | undefined;
}

/**
 * Records in a directory, one file for each version. A new version is linked under the next number,
 * which fails if another writer was faster: the file system does the compare-and-set.
 */
export class DirectoryStore implements SecretStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async get(ref: SecretRef): Promise<SecretRecord | undefined> {
    return (await this.#current(this.#folderOf(ref))).record;
  }

  async getMany(refs: readonly SecretRef[]): Promise<SecretRecord[]> {
    const folders = new Set(refs.map((ref) => this.#folderOf(ref)));
    return this.#records([...folders]);
  }

  async list(tenantId: string): Promise<SecretRecord[]> {
    return (await this.#all()).filter((record) => record.tenantId === tenantId);
  }

  async put(record: SecretRecord, expectedRev: number): Promise<boolean> {
    return this.#replace(record, expectedRev, record);
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    return Promise.all(writes.map(({ record, expectedRev }) => this.put(record, expectedRev)));
  }

  async delete(ref: SecretRef, expectedRev?: number): Promise<boolean> {
    for (;;) {
      const stored = await this.get(ref);
      if (stored === undefined) return false;
      const rev = stored.metadata?.rev ?? 0;
      if (expectedRev !== undefined && rev !== expectedRev) return false;
      if (await this.#replace(ref, rev, undefined)) return true;
    }
  }

  async *scan({ batchSize = 100, after, keyId }: ScanQuery): AsyncIterable<SecretRecord[]> {
    const found = (await this.#all()).filter(
      (record) =>
        (after === undefined || compare(record, after) > 0) &&
        (keyId === undefined || record.metadata?.keyId === keyId),
    );
    for (let start = 0; start < found.length; start += batchSize) {
      yield found.slice(start, start + batchSize);
    }
  }

  async #replace(
    ref: SecretRef,
    expectedRev: number,
    record: SecretRecord | undefined,
  ): Promise<boolean> {
    const folder = this.#folderOf(ref);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const current = await this.#current(folder);
    if ((current.record?.metadata?.rev ?? 0) !== expectedRev) return false;
    const draft = join(folder, `${randomUUID()}.draft`);
    await writeFile(draft, JSON.stringify({ record }), { mode: 0o600, flush: true });
    try {
      await link(draft, join(folder, `${current.number + 1}.json`));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(draft);
    }
  }

  async #current(folder: string): Promise<Version> {
    const files = await readdir(folder).catch(() => []);
    const number = Math.max(
      0,
      ...files.map((file) => Number.parseInt(/^(\d+)\.json$/.exec(file)?.[1] ?? '0', 10)),
    );
    if (number === 0) return { number, record: undefined };
    const text = await readFile(join(folder, `${number}.json`), 'utf8');
    return { number, record: JSON.parse(text, reviveDate).record };
  }

  async #all(): Promise<SecretRecord[]> {
    const folders = await readdir(this.#root).catch(() => []);
    return (await this.#records(folders.map((name) => join(this.#root, name)))).sort(compare);
  }

  async #records(folders: readonly string[]): Promise<SecretRecord[]> {
    const versions = await Promise.all(folders.map((folder) => this.#current(folder)));
    return versions.flatMap(({ record }) => record ?? []);
  }

  // A digest, because a name may be '..', or longer than a file name.
  #folderOf({ tenantId, provider }: SecretRef): string {
    const address = JSON.stringify([tenantId, provider]);
    return join(this.#root, createHash('sha256').update(address).digest('hex'));
  }
}

function reviveDate(key: string, value: unknown): unknown {
  return /^(created|updated)At$/.test(key) ? new Date(value as string) : value;
}

function compare(a: SecretRef, b: SecretRef): number {
  if (a.tenantId !== b.tenantId) return a.tenantId < b.tenantId ? -1 : 1;
  if (a.provider === b.provider) return 0;
  return a.provider < b.provider ? -1 : 1;
}

import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSecretStore, Keyring, SecretsVault } from 'provider-vault';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { newKey } from '../support/fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'file-store-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const freshPath = () => join(folder, `${++files}.json`);
const key = newKey();
const keys = new Keyring({ encryptionKey: key });
const ref = { tenantId: 'a', provider: 'custom' };

describe('FileSecretStore', () => {
  it('keeps its file to the owner, also one that others could read', async () => {
    const path = freshPath();
    const vault = new SecretsVault({ store: new FileSecretStore(path), keys });
    await vault.put('a', 'custom', { token: 'in the clear' });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    chmodSync(path, 0o644);
    await new FileSecretStore(path).init();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).not.toContain('in the clear');
  });

  it('init makes an empty file, and keeps one that has records', async () => {
    const path = freshPath();
    const store = new FileSecretStore(path);
    await Promise.all([store.init(), store.init(), new FileSecretStore(path).init()]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await store.count()).toBe(0);
    await store.put({ ...ref, data: 'x' }, null);
    await new FileSecretStore(path).init();
    expect(await store.count()).toBe(1);
  });

  it.each(['', '{', '[]', '{"records":[]}', '{"format":"other","records":[]}'])(
    'never writes over a file that is not its own: %j',
    async (text) => {
      const path = freshPath();
      writeFileSync(path, text);
      const store = new FileSecretStore(path);
      const message = expect.stringContaining('was not written by provider-vault');
      const failed = { code: 'ERR_STORE_FAILED', message };
      await expect(store.get(ref)).rejects.toMatchObject(failed);
      await expect(store.put({ ...ref, data: 'x' }, null)).rejects.toMatchObject(failed);
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  it('says what is wrong with its path', async () => {
    const store = new FileSecretStore(join(folder, 'none', 'x.json'));
    for (const operate of [
      () => store.get(ref),
      () => store.init(),
      () => store.put({ ...ref, data: 'x' }, null),
    ]) {
      await expect(operate()).rejects.toMatchObject({
        code: 'ERR_STORE_FAILED',
        message: expect.stringContaining('folder does not exist'),
      });
    }
    await expect(new FileSecretStore(folder).get(ref)).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
    });
    for (const path of ['', undefined, {}]) {
      expect(() => new FileSecretStore(path as string)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });

  it('writes what waits at once, and lets each writer know of its own', async () => {
    const store = new FileSecretStore(freshPath());
    const records = Array.from({ length: 500 }, (_, n) => ({
      ...ref,
      tenantId: `${n}`,
      data: 'x',
    }));
    const started = performance.now();
    const results = await Promise.all([...records, ...records].map((r) => store.put(r, null)));
    expect(results.filter(Boolean)).toHaveLength(500);
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await store.count()).toBe(500);
  });

  it('reads the file again only when it has changed', async () => {
    const path = freshPath();
    const store = new FileSecretStore(path);
    const records = Array.from({ length: 100 }, (_, n) => ({
      ...ref,
      tenantId: `${n}`,
      data: 'x',
    }));
    await store.putMany(records.map((record) => ({ record, expected: null })));
    const parse = vi.spyOn(JSON, 'parse');
    onTestFinished(() => parse.mockRestore());
    const parsedWhole = () => parse.mock.calls.filter(([text]) => text.includes('"records"'));
    for (const reader of [store, new FileSecretStore(path)]) {
      for await (const [record] of reader.scan({ batchSize: 1 })) {
        if (reader === store) await store.put({ ...ref, ...record, data: 'y' }, '');
      }
    }
    expect(parsedWhole()).toHaveLength(1); // by the second store
  });

  it('leaves the file alone when nothing is to be written', async () => {
    const path = freshPath();
    const store = new FileSecretStore(path);
    await store.put({ ...ref, data: 'x' }, null);
    const before = readFileSync(path, 'utf8');
    expect(await store.put({ ...ref, data: 'y' }, null)).toBe(false);
    expect(await store.delete({ ...ref, tenantId: 'nobody' })).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  it('notices in the middle of a scan that another store has written', async () => {
    const path = freshPath();
    const store = new FileSecretStore(path);
    const tenants = Array.from({ length: 9 }, (_, n) => `${n}`);
    await store.putMany(
      tenants.map((tenantId) => ({ record: { ...ref, tenantId, data: 'x' }, expected: null })),
    );
    const scanned: string[] = [];
    for await (const [record] of store.scan({ batchSize: 1 })) {
      scanned.push(`${record?.tenantId} ${record?.data}`);
      if (scanned.length > 1) continue;
      const other = new FileSecretStore(path);
      await other.delete({ ...ref, tenantId: '7' });
      await other.put({ ...ref, tenantId: '8', data: 'y' }, '');
    }
    expect(scanned).toEqual([...tenants.slice(0, 7).map((tenantId) => `${tenantId} x`), '8 y']);
  });

  it('notices a file that was replaced by one with the same inode, size and times', async () => {
    const [path, other] = [freshPath(), freshPath()];
    const [store, writer] = [new FileSecretStore(path), new FileSecretStore(other)];
    await store.put({ ...ref, data: 'x' }, null);
    utimesSync(path, 1, 1);
    expect(await store.get(ref)).toMatchObject({ data: 'x' });
    const { ino, size, mtimeMs } = statSync(path);
    await writer.put({ ...ref, data: 'y' }, null);
    // In place, for the inode; change times cannot be set, and are not compared.
    writeFileSync(path, readFileSync(other));
    utimesSync(path, 1, 1);
    expect(statSync(path)).toMatchObject({ ino, size, mtimeMs });
    expect(await store.get(ref)).toMatchObject({ data: 'y' });
    expect(await store.put({ ...ref, data: 'z' }, '')).toBe(true);
  });

  it('notices that a file was edited by hand', async () => {
    const path = freshPath();
    const store = new FileSecretStore(path);
    await store.put({ ...ref, data: 'x' }, null);
    writeFileSync(path, readFileSync(path, 'utf8').replace('"x"', '"edited"'));
    expect(await store.get(ref)).toMatchObject({ data: 'edited' });
  });

  it('keeps what looks like its own marks, and refuses what JSON would change', async () => {
    const store = new FileSecretStore(freshPath());
    const odd = {
      ...ref,
      data: 'x',
      a: { $date: '2024-01-01' },
      b: { $literal: { $date: null } },
      c: [new Date(5), { at: new Date(6) }],
      d: { $date: 1, more: 2 },
    };
    expect(await store.put(odd, null)).toBe(true);
    expect(await store.get(ref)).toEqual(odd);
    for (const value of [new Map(), Buffer.from('x'), Number.NaN, 1n, () => 1, Symbol('s')]) {
      await expect(store.put({ ...odd, value }, null)).rejects.toMatchObject({
        code: 'ERR_STORE_FAILED',
        message: expect.stringContaining('JSON'),
      });
    }
    expect(await store.get(ref)).toEqual(odd);
  });

  it('writes through a link, and for the owner of the file', async () => {
    const path = freshPath();
    const link = freshPath();
    symlinkSync(path, link);
    writeFileSync(path, '{"format":"provider-vault/1","records":[]}');
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(path, 1234, 1234);
    await new FileSecretStore(link).put({ ...ref, data: 'x' }, null);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(await new FileSecretStore(path).get(ref)).toMatchObject(ref);
    if (isRoot) expect(statSync(path).uid).toBe(1234);
  });
});

import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSecretStore, Keyring, SecretsVault } from 'provider-vault';
import { afterAll, describe, expect, it } from 'vitest';
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

  it.each(['', '{', '[]', '{"records":[]}', '{"format":"other","records":[]}'])(
    'never writes over a file that is not its own: %j',
    async (text) => {
      const path = freshPath();
      writeFileSync(path, text);
      const store = new FileSecretStore(path);
      const failed = { code: 'ERR_STORE_FAILED' };
      await expect(store.get(ref)).rejects.toMatchObject(failed);
      await expect(store.put({ ...ref, data: 'x' }, 0)).rejects.toMatchObject(failed);
      expect(readFileSync(path, 'utf8')).toBe(text);
    },
  );

  it('says what is wrong with its path', async () => {
    const store = new FileSecretStore(join(folder, 'none', 'x.json'));
    for (const operate of [
      () => store.get(ref),
      () => store.init(),
      () => store.put({ ...ref, data: 'x' }, 0),
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
    const results = await Promise.all([...records, ...records].map((r) => store.put(r, 0)));
    expect(results.filter(Boolean)).toHaveLength(500 + 500); // without a revision, 0 is any of them
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(await store.count()).toBe(500);
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
    expect(await store.put(odd, 0)).toBe(true);
    expect(await store.get(ref)).toEqual(odd);
    for (const value of [new Map(), Buffer.from('x'), Number.NaN, 1n, () => 1, Symbol('s')]) {
      await expect(store.put({ ...odd, value }, 0)).rejects.toMatchObject({
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
    await new FileSecretStore(link).put({ ...ref, data: 'x' }, 0);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(await new FileSecretStore(path).get(ref)).toMatchObject(ref);
    if (isRoot) expect(statSync(path).uid).toBe(1234);
  });
});

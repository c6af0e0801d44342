import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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
    expect(await store.get(ref)).toBeUndefined();
    await expect(store.put({ ...ref, data: 'x' }, 0)).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
      message: expect.stringContaining('folder does not exist'),
    });
    await expect(new FileSecretStore(folder).get(ref)).rejects.toMatchObject({
      code: 'ERR_STORE_FAILED',
    });
    for (const path of ['', undefined, {}]) {
      expect(() => new FileSecretStore(path as string)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });

  it('loses no acknowledged write of several processes that are killed', {
    timeout: 60_000,
  }, async () => {
    const path = freshPath();
    const acknowledged: string[] = [];
    for (let round = 0; round < 2; round++) {
      const writers = ['p', 'q'].map((name) => {
        const child = spawn(
          process.execPath,
          ['--import', 'tsx', 'test/support/workers/file-writer.ts', path, `${name}${round}_`],
          {
            env: { ...process.env, APP_ENCRYPTION_KEY: key },
            stdio: ['ignore', 'pipe', 'inherit'],
          },
        );
        child.stdout.on('data', (chunk) => {
          acknowledged.push(...String(chunk).split('\n').filter(Boolean));
        });
        return child;
      });
      await Promise.race(writers.map((child) => once(child.stdout, 'data')));
      await sleep(100 + Math.random() * 300);
      for (const child of writers) child.kill('SIGKILL');
      await Promise.all(writers.map((child) => once(child, 'close')));
    }
    const vault = new SecretsVault({ store: new FileSecretStore(path), keys });
    const found = (await vault.require('acme', 'custom')).reveal();
    expect(acknowledged.length).toBeGreaterThan(0);
    for (const field of acknowledged) expect(found).toHaveProperty(field);
    // what was written and not acknowledged: at most one field of each process that was killed
    expect(Object.keys(found).length - acknowledged.length).toBeLessThanOrEqual(4);
    await vault.put('acme', 'custom', { after: 'all' }); // and the lock of the dead is taken over
  });
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import { newKey } from '../support/fixtures.ts';

const workers = [await bundleWorker('seal-many'), await bundleWorker('closed-vault')] as const;
afterAll(() => Promise.all(workers.map((path) => rm(dirname(path), { recursive: true }))));
const [sealMany, closedVault] = workers;
const key = newKey();
const PROCESSES = 4;
const SEALS = process.env.PROVIDER_VAULT_DEEP ? 2_000_000 : 100_000; // npm run test:deep

async function run(args: readonly string[], input = ''): Promise<Buffer> {
  const env = { PATH: process.env.PATH ?? '', APP_ENCRYPTION_KEY: key };
  const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stdin.end(input);
  expect(await once(child, 'close')).toEqual([0, null]);
  return Buffer.concat(chunks);
}

it(
  'several processes never use an IV twice [K5]',
  async () => {
    const written = await Promise.all(
      Array.from({ length: PROCESSES }, () => run([sealMany, String(SEALS / PROCESSES)])),
    );
    const ivs = new Set<string>();
    for (const bytes of written) {
      for (let at = 0; at < bytes.length; at += 12) ivs.add(bytes.toString('latin1', at, at + 12));
    }
    expect(ivs.size).toBe(SEALS);
  },
  5 * 60_000,
);

it('a closed vault leaves no value in the heap, in the arguments or in the title of the process', async () => {
  const token = `${'9a'.repeat(12)}5e1f77c2`;
  const output = await run(['--expose-gc', closedVault], token);
  const { open, closed, argv, title } = JSON.parse(output.toString());
  expect({ open, closed }).toEqual({ open: true, closed: false });
  expect(argv + title).not.toContain(token);
});

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { MemorySecretStore as OwnMemorySecretStore } from 'provider-vault';
import { afterAll, describe, expect, it } from 'vitest';
import { failingCases } from '../support/failing-cases.ts';

// Jest runs a library in a realm of its own, whose Object, Array and Date are not those of Node's
// modules; under jsdom that realm has neither structuredClone nor setImmediate.
const folder = mkdtempSync(join(tmpdir(), 'other-realm-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('../support/workers/contract-suite.ts', import.meta.url))],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  write: false,
});
const module = { exports: {} as typeof import('../support/workers/contract-suite.ts') };
const context = createContext({
  module,
  require: createRequire(import.meta.url),
  process,
  Buffer,
  setTimeout,
  clearTimeout,
  performance,
});
runInContext(outputFiles[0]?.text ?? '', context);
const { FileSecretStore, MemorySecretStore, describeSecretStore } = module.exports;

it('the realm is another one, without structuredClone', () => {
  expect(runInContext('Object', context)).not.toBe(Object);
  expect(runInContext('typeof structuredClone', context)).toBe('undefined');
});

describeSecretStore(
  { describe, it },
  { name: 'MemorySecretStore in another realm', open: () => new MemorySecretStore() },
);

let path = '';
describeSecretStore(
  { describe, it },
  {
    name: 'FileSecretStore in another realm',
    open: () => {
      path = join(folder, `${randomUUID()}.json`);
      return new FileSecretStore(path);
    },
    reopen: () => new FileSecretStore(path),
    unreachable: () => new FileSecretStore(join(folder, 'none', 'secrets.json')),
  },
);

it('a store of this realm passes the suite of the other', async () => {
  const open = () => new OwnMemorySecretStore();
  expect(await failingCases({ name: 'mixed', open }, describeSecretStore)).toEqual([]);
});

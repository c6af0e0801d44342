import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeSecretStore } from 'provider-vault/testing';
import { afterAll, describe, it } from 'vitest';
import { DirectoryStore } from '../../examples/custom-store/directory-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'directory-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

function textOfAll(root: string): string {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join();
}

// The store of docs/guides/writing-a-store.md.
let root = '';
describeSecretStore(
  { describe, it },
  {
    name: 'DirectoryStore',
    open: () => {
      root = join(folder, randomUUID());
      return new DirectoryStore(root);
    },
    reopen: () => new DirectoryStore(root),
    readRaw: () => textOfAll(root),
    unreachable: () => new DirectoryStore(fileURLToPath(import.meta.url)),
  },
);

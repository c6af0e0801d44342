import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSecretStore } from 'provider-vault/testing';
import { afterAll, describe, it } from 'vitest';
import { DirectoryStore } from '../../examples/custom-store/directory-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'directory-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

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
  },
);

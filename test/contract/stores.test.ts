import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileSecretStore, MemorySecretStore } from 'provider-vault';
import { describeSecretStore } from 'provider-vault/testing';
import { afterAll, describe, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'stores-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeSecretStore(
  { describe, it },
  { name: 'MemorySecretStore', open: () => new MemorySecretStore() },
);

let path = '';
describeSecretStore(
  { describe, it },
  {
    name: 'FileSecretStore',
    open: () => {
      path = join(folder, `${randomUUID()}.json`);
      return new FileSecretStore(path);
    },
    reopen: () => new FileSecretStore(path),
    readRaw: () => readFileSync(path, 'utf8'),
    unreachable: () => new FileSecretStore(join(folder, 'none', 'secrets.json')),
  },
);

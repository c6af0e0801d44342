import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileKeyStore, FileSecretStore, type KeyStore, MemoryKeyStore } from 'provider-vault';
import { describeKeyStore } from 'provider-vault/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { failingCases } from '../support/failing-cases.ts';

const folder = mkdtempSync(join(tmpdir(), 'key-stores-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeKeyStore({ describe, it }, { name: 'MemoryKeyStore', open: () => new MemoryKeyStore() });

let path = '';
describeKeyStore(
  { describe, it },
  {
    name: 'FileKeyStore',
    open: () => {
      path = join(folder, `${randomUUID()}.json`);
      return new FileKeyStore(path);
    },
    reopen: () => new FileKeyStore(path),
    unreachable: () => new FileKeyStore(join(folder, 'none', 'keys.json')),
  },
);

const entry = (tenantId: string) => ({ tenantId, etag: 'AAAABBBBCCCCDDDD', current: 0, keys: [] });

it('the file of the keys is made by init, and its path is checked', async () => {
  const path = join(folder, 'made.json');
  await new FileKeyStore(path).init();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ records: [] });
  for (const Store of [FileKeyStore, FileSecretStore]) {
    expect(() => new Store('')).toThrow(`${Store.name} needs the path`);
  }
});

it('the file of the keys is not taken for that of the records, nor the reverse', async () => {
  const keys = join(folder, 'keys.json');
  await new FileKeyStore(keys).put(entry('acme'), null);
  expect(JSON.parse(readFileSync(keys, 'utf8'))).toMatchObject({
    format: 'provider-vault-keys/1',
    records: [{ tenantId: 'acme', provider: '$key' }],
  });
  const ref = { tenantId: 'acme', provider: 'custom' };
  await expect(new FileSecretStore(keys).get(ref)).rejects.toMatchObject({
    code: 'ERR_STORE_FAILED',
  });
  const records = join(folder, 'records.json');
  await new FileSecretStore(records).put({ ...ref, data: 'A'.repeat(40) }, null);
  await expect(new FileKeyStore(records).get('acme')).rejects.toMatchObject({
    code: 'ERR_STORE_FAILED',
  });
});

// A memory store with one fault each, and the beginning of the name of the case that must find it.
const FAULTS: Record<string, [expected: string, fault: (inner: KeyStore) => Partial<KeyStore>]> = {
  'does not look at the etag': [
    'S3',
    (inner) => ({
      put: async (next) => inner.put(next, (await inner.get(next.tenantId))?.etag ?? null),
    }),
  ],
  'overwrites where there must be nothing': [
    'S3: put with null',
    (inner) => ({
      put: async (next, expected) =>
        inner.put(next, expected ?? (await inner.get(next.tenantId))?.etag ?? null),
    }),
  ],
  'compares, waits, then writes': [
    'S1: of many',
    (inner) => ({
      put: async (next, expected) => {
        const stored = (await inner.get(next.tenantId))?.etag ?? null;
        if (stored !== expected) return false;
        await new Promise((resolve) => setImmediate(resolve));
        return inner.put(next, (await inner.get(next.tenantId))?.etag ?? null);
      },
    }),
  ],
  'ignores case': [
    'S1: tells tenants apart',
    (inner) => ({
      get: async (tenantId) => {
        const found = await inner.get(tenantId.toLowerCase());
        return found && { ...found, tenantId };
      },
      put: (next, expected) =>
        inner.put({ ...next, tenantId: next.tenantId.toLowerCase() }, expected),
    }),
  ],
  'drops unknown members': [
    'S2',
    (inner) => ({
      put: ({ tenantId, etag, current, keys }, expected) =>
        inner.put({ tenantId, etag, current, keys }, expected),
    }),
  ],
  'returns dates as text': [
    'S2',
    (inner) => ({
      get: async (tenantId) => {
        const found = await inner.get(tenantId);
        return found && JSON.parse(JSON.stringify(found));
      },
    }),
  ],
  'begins a scan anew': [
    'S10',
    (inner) => ({ scan: ({ batchSize = 100 }) => inner.scan({ batchSize }) }),
  ],
};

it.each(Object.entries(FAULTS))(
  'the contract finds a store that %s',
  async (_, [expected, fault]) => {
    const open = () => {
      const inner = new MemoryKeyStore();
      const good: KeyStore = {
        get: (tenantId) => inner.get(tenantId),
        put: (next, etag) => inner.put(next, etag),
        scan: (query) => inner.scan(query),
      };
      return { ...good, ...fault(good) };
    };
    const failing = await failingCases({ name: 'broken', open }, describeKeyStore);
    expect(failing.filter((name) => name.startsWith(expected))).not.toEqual([]);
  },
);

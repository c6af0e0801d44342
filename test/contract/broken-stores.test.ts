import {
  etag,
  MemorySecretStore,
  type SecretRecord,
  type SecretRef,
  type SecretStore,
} from 'provider-vault';
import { expect, it } from 'vitest';
import { failingCases, plainStore } from '../support/failing-cases.ts';

// A memory store with one fault each, and the beginning of the name of the case that must find it.
type Fault = (inner: MemorySecretStore) => Partial<SecretStore>;
const etagOf = (record: SecretRecord | undefined) => (record ? etag(record) : null);
const pause = () => new Promise((resolve) => setImmediate(resolve));

const FAULTS: Record<string, [expected: string, fault: Fault]> = {
  'does not look at the etag': [
    'S3',
    (inner) => ({ put: async (record) => inner.put(record, etagOf(await inner.get(record))) }),
  ],
  'compares revisions in the place of etags': [
    'S3: neither the revision',
    (inner) => ({
      put: async (record, expected) => {
        const stored = await inner.get(record);
        const isNext = (stored?.metadata?.rev ?? 0) + 1 === record.metadata?.rev;
        const allowed = expected === null ? stored === undefined : isNext;
        return allowed && inner.put(record, etagOf(stored));
      },
    }),
  ],
  'compares etags without their case': [
    'S3: etags are compared by code unit',
    (inner) => ({
      put: async (record, expected) => {
        const current = etagOf(await inner.get(record));
        const same = current?.toLowerCase() === expected?.toLowerCase();
        return inner.put(record, same ? current : expected);
      },
    }),
  ],
  'takes "" for the beginning of any text': [
    'S3: ""',
    (inner) => ({
      put: async (record, expected) => {
        const stored = await inner.get(record);
        if (stored === undefined) return expected === null && inner.put(record, null);
        return expected !== null && stored.data.startsWith(expected)
          ? inner.put(record, etagOf(stored))
          : false;
      },
    }),
  ],
  'takes an etag for a pattern': [
    'S3: etags are compared by code unit',
    (inner) => ({
      put: async (record, expected) => {
        const stored = await inner.get(record);
        const matches = expected !== null && new RegExp(`^${expected}`).test(stored?.data ?? '');
        return inner.put(record, matches ? etagOf(stored) : expected);
      },
    }),
  ],
  'leaves out more than the history': [
    'S2: a reader that needs no history',
    (inner) => ({
      get: async (ref, options) => {
        const record = await inner.get(ref, options);
        if (record === undefined || options?.history !== false) return record;
        const { tenantId, provider, data, metadata } = record;
        return { tenantId, provider, data, ...(metadata && { metadata }) };
      },
    }),
  ],
  'ends a scan before its last address': [
    'S10: scan ends with the address',
    (inner) => ({
      async *scan(query) {
        const { until } = query;
        for await (const batch of inner.scan(query)) {
          const rest = batch.filter(
            ({ tenantId, provider }) =>
              tenantId !== until?.tenantId || provider !== until?.provider,
          );
          if (rest.length > 0) yield rest;
        }
      },
    }),
  ],
  'compares, waits, then writes': [
    'S1',
    (inner) => ({
      put: async (record, expected) => {
        if (etagOf(await inner.get(record)) !== expected) return false;
        await pause();
        await inner.delete(record);
        await inner.put(record, null);
        return true;
      },
    }),
  ],
  'joins names without telling them apart': [
    'S1',
    (inner) => {
      const flat = (ref: SecretRef) => ({
        tenantId: `${ref.tenantId}/${ref.provider}`,
        provider: 'x',
      });
      return {
        get: (ref) => inner.get(flat(ref)),
        put: (record, expected) => inner.put({ ...record, ...flat(record) }, expected),
      };
    },
  ],
  'ignores case': [
    'S1',
    (inner) => {
      const lower = (ref: SecretRef) => ({ ...ref, tenantId: ref.tenantId.toLowerCase() });
      return {
        get: (ref) => inner.get(lower(ref)),
        put: (record, expected) => inner.put({ ...record, ...lower(record) }, expected),
      };
    },
  ],
  'drops unknown members': [
    'S2',
    (inner) => ({
      put: ({ tenantId, provider, data, metadata }, expected) =>
        inner.put({ tenantId, provider, data, ...(metadata && { metadata }) }, expected),
    }),
  ],
  'returns dates as text': [
    'S2',
    (inner) => ({
      get: async (ref) => {
        const record = await inner.get(ref);
        return record && JSON.parse(JSON.stringify(record));
      },
    }),
  ],
  'returns what it holds, not a copy': [
    'S2',
    () => {
      const held = new Map<string, SecretRecord>();
      return {
        put: async (record) => Boolean(held.set(record.tenantId, record)),
        get: async (ref) => held.get(ref.tenantId),
        list: async (tenantId) => [held.get(tenantId) ?? []].flat(),
      };
    },
  ],
  'lists by prefix': [
    'S1',
    (inner) => ({
      list: async (tenantId) => {
        const found = [];
        for await (const batch of inner.scan({})) found.push(...batch);
        return found.filter((record) => record.tenantId.startsWith(tenantId));
      },
    }),
  ],
  'lists in any order': [
    'S1',
    (inner) => ({ list: async (tenantId) => (await inner.list(tenantId)).reverse() }),
  ],
  'returns a record of getMany twice when it is asked for twice': [
    'S1',
    (inner) => ({
      getMany: async (refs) =>
        (await Promise.all(refs.map((ref) => inner.get(ref)))).filter((r) => r !== undefined),
    }),
  ],
  'claims that every write of putMany was done': [
    'S3',
    (inner) => ({
      putMany: async (writes) => {
        await inner.putMany(writes);
        return writes.map(() => true);
      },
    }),
  ],
  'deletes whatever the etag': [
    'S3: delete looks at the etag',
    (inner) => ({ delete: (ref) => inner.delete(ref) }),
  ],
  'compares, waits, then deletes': [
    'S3: of a write and a delete',
    (inner) => ({
      delete: async (ref, expected) => {
        const stored = await inner.get(ref);
        if (expected !== undefined && etagOf(stored) !== expected) return false;
        await pause();
        return inner.delete(ref);
      },
    }),
  ],
  'skips a record at the end of a batch': [
    'S10',
    (inner) => ({
      async *scan(query) {
        for await (const batch of inner.scan(query)) {
          yield batch.length === query.batchSize && batch.length > 1 ? batch.slice(0, -1) : batch;
        }
      },
    }),
  ],
  'begins every scan at the start': [
    'S10',
    (inner) => ({
      scan: ({ after: _, ...query }) => inner.scan(query),
    }),
  ],
  'ends its last range with the last record': [
    'S10 (optional): split',
    (inner) => ({
      split: async (parts) => {
        const ranges = await inner.split(parts);
        const records: SecretRef[] = [];
        for await (const batch of inner.scan({})) records.push(...batch);
        const until = records.at(-1);
        return until ? [...ranges.slice(0, -1), { ...ranges.at(-1), until }] : ranges;
      },
    }),
  ],
  'splits into ranges of unequal size': [
    'S10 (optional): split',
    (inner) => ({
      split: async () => {
        const [first] = (await inner.split(60)).slice(0, -1);
        return first?.until ? [first, { after: first.until }] : [{}];
      },
    }),
  ],
  'cuts long names': [
    'S1',
    (inner) => {
      const cut = (ref: SecretRef) => ({ ...ref, tenantId: ref.tenantId.slice(0, 100) });
      return {
        get: (ref) => inner.get(cut(ref)),
        put: (record, expected) => inner.put({ ...record, ...cut(record) }, expected),
      };
    },
  ],
  'stops a putMany at the first lost write': [
    'S3',
    (inner) => ({
      putMany: async (writes) => {
        const results = writes.map(() => false);
        for (const [at, { record, expected }] of writes.entries()) {
          results[at] = await inner.put(record, expected);
          if (!results[at]) break;
        }
        return results;
      },
    }),
  ],
  'pages by counting': [
    'S10',
    (inner) => ({
      async *scan({ batchSize = 100, ...query }) {
        for (let start = 0; ; start += batchSize) {
          const found = [];
          for await (const batch of inner.scan(query)) found.push(...batch);
          const page = found.slice(start, start + batchSize);
          if (page.length === 0) return;
          yield page;
        }
      },
    }),
  ],
  'claims that every put was done': [
    'S3',
    (inner) => ({ put: async (record, expected) => (await inner.put(record, expected)) || true }),
  ],
};

it.each(Object.entries(FAULTS))(
  'a store that %s does not pass',
  async (_name, [expected, fault]) => {
    const open = () => {
      const inner = new MemorySecretStore();
      return { ...plainStore(inner), ...fault(inner) };
    };
    const failed = await failingCases({ name: 'broken', open });
    expect(failed.filter((name) => name.startsWith(expected))).not.toEqual([]);
  },
);

it('a store of the plain contract, without the optional members, passes', async () => {
  expect(
    await failingCases({ name: 'plain', open: () => plainStore(new MemorySecretStore()) }),
  ).toEqual([]);
});

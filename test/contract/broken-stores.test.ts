import {
  MemorySecretStore,
  type SecretRecord,
  type SecretRef,
  type SecretStore,
} from 'provider-vault';
import { expect, it } from 'vitest';
import { failingCases, plainStore, rulesOf } from '../support/failing-cases.ts';

// A memory store with one fault each, and the rule that must find it.
type Fault = (inner: MemorySecretStore) => Partial<SecretStore>;
const pause = () => new Promise((resolve) => setImmediate(resolve));

const FAULTS: Record<string, [rule: string, fault: Fault]> = {
  'does not compare revisions': [
    'S3',
    (inner) => ({
      put: async (record) => {
        const stored = await inner.get(record);
        return inner.put(record, stored?.metadata?.rev ?? 0);
      },
    }),
  ],
  'compares, waits, then writes': [
    'S1',
    (inner) => ({
      put: async (record, expectedRev) => {
        const rev = (await inner.get(record))?.metadata?.rev ?? 0;
        if (rev !== expectedRev) return false;
        await pause();
        await inner.delete(record);
        await inner.put(record, 0);
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
        put: (record, rev) => inner.put({ ...record, ...flat(record) }, rev),
      };
    },
  ],
  'ignores case': [
    'S1',
    (inner) => {
      const lower = (ref: SecretRef) => ({ ...ref, tenantId: ref.tenantId.toLowerCase() });
      return {
        get: (ref) => inner.get(lower(ref)),
        put: (record, rev) => inner.put({ ...record, ...lower(record) }, rev),
      };
    },
  ],
  'drops unknown members': [
    'S2',
    (inner) => ({
      put: ({ tenantId, provider, data, metadata }, rev) =>
        inner.put({ tenantId, provider, data, ...(metadata && { metadata }) }, rev),
    }),
  ],
  'gives dates as text': [
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
  'gives getMany twice what is asked for twice': [
    'S1',
    (inner) => ({
      getMany: async (refs) =>
        (await Promise.all(refs.map((ref) => inner.get(ref)))).filter((r) => r !== undefined),
    }),
  ],
  'says of putMany that all was done': [
    'S3',
    (inner) => ({
      putMany: async (writes) => {
        await inner.putMany(writes);
        return writes.map(() => true);
      },
    }),
  ],
  'deletes at any revision': ['S3', (inner) => ({ delete: (ref) => inner.delete(ref) })],
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
  'cuts long names': [
    'S1',
    (inner) => {
      const cut = (ref: SecretRef) => ({ ...ref, tenantId: ref.tenantId.slice(0, 100) });
      return {
        get: (ref) => inner.get(cut(ref)),
        put: (record, rev) => inner.put({ ...record, ...cut(record) }, rev),
      };
    },
  ],
  'stops a putMany at the first lost write': [
    'S3',
    (inner) => ({
      putMany: async (writes) => {
        const results = writes.map(() => false);
        for (const [at, { record, expectedRev }] of writes.entries()) {
          results[at] = await inner.put(record, expectedRev);
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
  'says that every put was done': [
    'S3',
    (inner) => ({ put: async (record, rev) => (await inner.put(record, rev)) || true }),
  ],
};

it.each(Object.entries(FAULTS))('a store that %s does not pass', async (_name, [rule, fault]) => {
  const open = () => {
    const inner = new MemorySecretStore();
    return { ...plainStore(inner), ...fault(inner) };
  };
  expect(rulesOf(await failingCases({ name: 'broken', open }))).toContain(rule);
});

it('a store of the plain contract, without the optional members, passes', async () => {
  expect(
    await failingCases({ name: 'plain', open: () => plainStore(new MemorySecretStore()) }),
  ).toEqual([]);
});

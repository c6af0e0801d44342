import {
  MemorySecretStore,
  type SecretRecord,
  type SecretRef,
  type SecretStore,
} from 'provider-vault';
import { describeSecretStore } from 'provider-vault/testing';
import { expect, it } from 'vitest';

// A memory store with one fault each, and the rule that must find it.
type Fault = (inner: MemorySecretStore) => Partial<SecretStore>;
const pause = () => new Promise((resolve) => setImmediate(resolve));
const withoutOptional = { supersede: undefined, watch: undefined, count: undefined } as object;

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
  'says that every put was done': [
    'S3',
    (inner) => ({ put: async (record, rev) => (await inner.put(record, rev)) || true }),
  ],
};

/** Runs the contract on `open`, and gives the names of the cases that fail. */
async function failingCases(open: () => SecretStore): Promise<string[]> {
  const cases: { name: string; run: () => Promise<void> }[] = [];
  const runner = {
    describe: (_name: string, define: () => void) => define(),
    it: (name: string, run: () => Promise<void>) => cases.push({ name, run }),
  };
  describeSecretStore(runner, { name: 'broken', open });
  const failing: string[] = [];
  for (const { name, run } of cases) {
    await run().catch(() => failing.push(name));
  }
  return failing;
}

it.each(Object.entries(FAULTS))('a store that %s does not pass', async (_name, [rule, fault]) => {
  const failing = await failingCases(() => {
    const inner = new MemorySecretStore();
    const healthy = new Proxy(inner, {
      get: (target, name) => {
        const member = target[name as keyof MemorySecretStore] as unknown;
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
    const members = ['get', 'getMany', 'list', 'put', 'putMany', 'delete', 'scan'] as const;
    const plain = Object.fromEntries(members.map((name) => [name, healthy[name]]));
    return { ...plain, ...fault(inner) } as unknown as SecretStore;
  });
  expect(failing.map((name) => name.split(/[: ]/)[0])).toContain(rule);
});

it('a store of the plain contract, without the optional members, passes', async () => {
  expect(await failingCases(() => Object.assign(new MemorySecretStore(), withoutOptional))).toEqual(
    [],
  );
});

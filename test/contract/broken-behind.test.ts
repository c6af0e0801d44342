import { MemorySecretStore, type SecretRecord, type SecretStore, VaultError } from 'provider-vault';
import type { ContractTarget } from 'provider-vault/testing';
import { expect, it } from 'vitest';
import { failingCases, plainStore } from '../support/failing-cases.ts';

// Faults that show only in what is behind a store, or in its optional members, each with the start
// of the name of the case that must find it.
const FAULTS: Record<string, [expected: string, target: () => Omit<ContractTarget, 'name'>]> = {
  'serialises the writes of its own process only': [
    'S3: two stores over the same data',
    () => {
      let inner = new MemorySecretStore();
      const withOwnLock = (): SecretStore => {
        let last: Promise<unknown> = Promise.resolve();
        const put = async (record: SecretRecord, expectedRev: number) => {
          const rev = (await inner.get(record))?.metadata?.rev ?? 0;
          if (rev !== expectedRev) return false;
          await new Promise((resolve) => setImmediate(resolve));
          await inner.delete(record);
          return inner.put(record, 0);
        };
        return {
          ...plainStore(inner),
          put: (record, expectedRev) => {
            const done = last.then(() => put(record, expectedRev));
            last = done;
            return done;
          },
        };
      };
      const open = () => {
        inner = new MemorySecretStore();
        return withOwnLock();
      };
      return { open, reopen: withOwnLock };
    },
  ],
  'reads from memory what it once read': [
    'S4: another store over the same data',
    () => {
      let inner = new MemorySecretStore();
      const caching = (): SecretStore => {
        const known = new Map<string, SecretRecord>();
        return {
          ...plainStore(inner),
          get: async (ref) => known.get(ref.tenantId) ?? inner.get(ref),
          put: async (record, expectedRev) => {
            const written = await inner.put(record, expectedRev);
            if (written) known.set(record.tenantId, record);
            return written;
          },
        };
      };
      const open = () => {
        inner = new MemorySecretStore();
        return caching();
      };
      return { open, reopen: caching };
    },
  ],
  'keeps what was deleted': [
    'S8: what was replaced or deleted',
    () => {
      const archive: string[] = [];
      const open = () => {
        const inner = new MemorySecretStore();
        const put = (record: SecretRecord, expectedRev: number) => {
          archive.push(record.data);
          return inner.put(record, expectedRev);
        };
        return { ...plainStore(inner), put };
      };
      return { open, readRaw: () => archive };
    },
  ],
  'takes a failure for "no record"': [
    'S7: a failure is a VaultError',
    () => ({
      open: () => new MemorySecretStore(),
      unreachable: () => plainStore(new MemorySecretStore()),
    }),
  ],
  "lets its driver's errors through": [
    'S7: a failure is a VaultError',
    () => ({
      open: () => new MemorySecretStore(),
      unreachable: () => failing(() => new Error('ECONNREFUSED')),
    }),
  ],
  'quotes the record in its errors': [
    'S7: a failure is a VaultError',
    () => ({
      open: () => new MemorySecretStore(),
      unreachable: () =>
        failing((record) => {
          const cause = Object.assign(new Error('refused'), { document: record });
          return new VaultError('ERR_STORE_FAILED', 'refused', { cause });
        }),
    }),
  ],
  'tells of put only': [
    'S11 (optional): watch tells',
    () => ({
      open: () => {
        const inner = new MemorySecretStore();
        const listeners: ((ref: SecretRecord) => void)[] = [];
        return {
          ...plainStore(inner),
          put: async (record, expectedRev) => {
            for (const listener of listeners) listener(record);
            return inner.put(record, expectedRev);
          },
          watch: async (listener) => {
            listeners.push(listener as (ref: SecretRecord) => void);
            return async () => {};
          },
        };
      },
    }),
  ],
  'forgets the replaced version': [
    'S6 (optional): supersede keeps as many',
    () => ({
      open: () => {
        const inner = new MemorySecretStore();
        return {
          ...plainStore(inner),
          supersede: (record, expectedRev) => inner.supersede(record, expectedRev, 0),
        };
      },
    }),
  ],
};

/** A store whose every call fails with the error that `errorOf` makes of what it was given. */
function failing(errorOf: (given: unknown) => Error): SecretStore {
  const fail = async (given: unknown): Promise<never> => {
    throw errorOf(given);
  };
  return {
    get: fail,
    getMany: fail,
    list: fail,
    put: fail,
    putMany: fail,
    delete: fail,
    // biome-ignore lint/correctness/useYield: it fails before the first batch
    async *scan(query) {
      await fail(query);
    },
  };
}

it.each(Object.entries(FAULTS))(
  'a store that %s does not pass',
  async (_name, [expected, target]) => {
    const failed = await failingCases({ name: 'broken', ...target() });
    expect(failed.filter((name) => name.startsWith(expected))).toHaveLength(1);
  },
);

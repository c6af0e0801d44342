import {
  etag,
  MemorySecretStore,
  type SecretRecord,
  type SecretStore,
  VaultError,
} from 'provider-vault';
import type { ContractTarget } from 'provider-vault/testing';
import { expect, it } from 'vitest';
import { failingCases, plainStore } from '../support/failing-cases.ts';

// Faults that show only in the data behind a store, or in its optional members, each with the
// beginning of the name of the case that must find it.
const FAULTS: Record<string, [expected: string, target: () => Omit<ContractTarget, 'name'>]> = {
  'serialises the writes of its own process only': [
    'S3: two stores over the same data',
    () => {
      let inner = new MemorySecretStore();
      const withOwnLock = (): SecretStore => {
        let last: Promise<unknown> = Promise.resolve();
        const put = async (record: SecretRecord, expected: string | null) => {
          const stored = await inner.get(record);
          if ((stored ? etag(stored) : null) !== expected) return false;
          await new Promise((resolve) => setImmediate(resolve));
          await inner.delete(record);
          return inner.put(record, null);
        };
        return {
          ...plainStore(inner),
          put: (record, expected) => {
            const done = last.then(() => put(record, expected));
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
          put: async (record, expected) => {
            const written = await inner.put(record, expected);
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
    'S8: replaced and deleted',
    () => {
      const archive: string[] = [];
      const open = () => {
        const inner = new MemorySecretStore();
        const put = (record: SecretRecord, expected: string | null) => {
          archive.push(record.data);
          return inner.put(record, expected);
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
  'reports put only': [
    'S11 (optional): watch reports',
    () => ({
      open: () => {
        const inner = new MemorySecretStore();
        const listeners: ((ref: SecretRecord) => void)[] = [];
        return {
          ...plainStore(inner),
          put: async (record, expected) => {
            for (const listener of listeners) listener(record);
            return inner.put(record, expected);
          },
          watch: async (listener) => {
            listeners.push(listener as (ref: SecretRecord) => void);
            return async () => {};
          },
        };
      },
    }),
  ],
};

/** A store whose every call fails with the error that `errorOf` makes of its argument. */
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

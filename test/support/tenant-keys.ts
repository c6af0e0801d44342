import {
  type KeyEntry,
  type KeyStore,
  MemoryKeyStore,
  MemorySecretStore,
  SecretsVault,
  type SecretsVaultOptions,
  TenantKeys,
  type TenantKeysOptions,
} from 'provider-vault';
import { vi } from 'vitest';
import { TestKms } from './test-wrapper.ts';

/** A vault with tenant keys, all in memory; `open` gives another process's view of the same data. */
export function tenantVault(options: Partial<TenantKeysOptions> = {}) {
  const kms = new TestKms();
  const keyStore = new MemoryKeyStore();
  const store = new MemorySecretStore();
  const open = (
    more: Partial<TenantKeysOptions> = {},
    vaultOptions: Partial<SecretsVaultOptions> = {},
  ) => {
    const keys = new TenantKeys({ wrapper: kms, store: keyStore, ...options, ...more });
    return { keys, vault: new SecretsVault({ store, keys, ...vaultOptions }) };
  };
  return { kms, keyStore, store, open, ...open() };
}

/** The stored entry of a tenant. */
export async function entryOf(store: KeyStore, tenantId = 'acme'): Promise<KeyEntry> {
  return (await store.get(tenantId)) as KeyEntry;
}

/** Counts the calls of a key store, and can make them fail or hang. */
export function watchedKeyStore(inner: KeyStore) {
  const calls = { get: 0, put: 0 };
  let state: 'up' | 'down' | 'hanging' = 'up';
  const answer = async () => {
    if (state === 'hanging') await new Promise(() => {});
    if (state === 'down') throw new Error('secret text of a driver');
  };
  const store: KeyStore = {
    get: async (tenantId) => {
      calls.get++;
      await answer();
      return inner.get(tenantId);
    },
    put: async (entry, expected) => {
      calls.put++;
      await answer();
      return inner.put(entry, expected);
    },
    scan: (query) => inner.scan(query),
  };
  return { store, calls, set: (next: typeof state) => (state = next) };
}

/** Stops the clock of caches until `vi.useRealTimers()`; the function that it gives puts it forward. */
export function fakeClock(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ['performance'] });
  return (ms) => vi.advanceTimersByTime(ms);
}

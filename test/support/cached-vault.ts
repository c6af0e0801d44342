import { Keyring, MemorySecretStore, type SecretStore, SecretsVault } from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { newKey } from './fixtures.ts';

export const keys = new Keyring({ encryptionKey: newKey() });
/** Milliseconds. */
export const TTL = 1_000;

/** A vault with a cache on a clock that stands still, and another on the same store without one. */
export async function cached(options: { max?: number; store?: SecretStore } = {}) {
  const clock = { ms: 0 };
  const faulty = new FaultyStore(options.store ?? new MemorySecretStore());
  const { max = 100 } = options;
  const vault = new SecretsVault({
    store: faulty.store,
    keys,
    cache: { ttlMs: TTL, max },
    now: () => clock.ms,
  });
  const value = async (tenant = 'a') => (await vault.get(tenant, 'custom'))?.reveal().v;
  const calls = (name = 'get') => faulty.calls.filter((call) => call === name).length;
  return { clock, faulty, vault, value, calls };
}

/** A store that tells nobody of changes. */
export function untold(store = new MemorySecretStore()): MemorySecretStore {
  Object.defineProperty(store, 'watch', { value: undefined });
  return store;
}

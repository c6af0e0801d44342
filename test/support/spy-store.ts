import { MemorySecretStore, type SecretStore } from 'provider-vault';

/** A memory store that counts the calls of each of its methods. */
export function countingStore(): { store: SecretStore; calls: Record<string, number> } {
  const calls: Record<string, number> = {};
  const store = new Proxy(new MemorySecretStore(), {
    get(target, name) {
      const member = target[name as keyof MemorySecretStore];
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return (member as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return { store, calls };
}

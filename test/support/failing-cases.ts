import type { SecretStore } from 'provider-vault';
import {
  type ContractRunner,
  type ContractTarget,
  describeSecretStore,
} from 'provider-vault/testing';

/** Runs a store contract, and returns the names of the cases that fail. */
export async function failingCases<T = ContractTarget>(
  target: T,
  describeStore: (runner: ContractRunner, target: T) => void = describeSecretStore as never,
): Promise<string[]> {
  const cases: { name: string; run: () => Promise<void> }[] = [];
  const runner = {
    describe: (_name: string, define: () => void) => define(),
    it: (name: string, run: () => Promise<void>) => cases.push({ name, run }),
  };
  describeStore(runner, target);
  const failing: string[] = [];
  for (const { name, run } of cases) {
    await run().catch(() => failing.push(name));
  }
  return failing;
}

/** The members of a store that every store must have. */
export function plainStore(inner: SecretStore): SecretStore {
  return {
    get: (ref, options) => inner.get(ref, options),
    getMany: (refs, options) => inner.getMany(refs, options),
    list: (tenantId, options) => inner.list(tenantId, options),
    put: (record, expected) => inner.put(record, expected),
    putMany: (writes) => inner.putMany(writes),
    delete: (ref, expected) => inner.delete(ref, expected),
    scan: (query) => inner.scan(query),
  };
}

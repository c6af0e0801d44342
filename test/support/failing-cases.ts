import type { SecretStore } from 'provider-vault';
import { type ContractTarget, describeSecretStore } from 'provider-vault/testing';

/** Runs the store contract, and gives the names of the cases that fail. */
export async function failingCases(target: ContractTarget): Promise<string[]> {
  const cases: { name: string; run: () => Promise<void> }[] = [];
  const runner = {
    describe: (_name: string, define: () => void) => define(),
    it: (name: string, run: () => Promise<void>) => cases.push({ name, run }),
  };
  describeSecretStore(runner, target);
  const failing: string[] = [];
  for (const { name, run } of cases) {
    await run().catch(() => failing.push(name));
  }
  return failing;
}

/** The rules that cases check: `S1` of `S1: tells …`. */
export function rulesOf(cases: readonly string[]): string[] {
  return cases.map((name) => /^S\d+/.exec(name)?.[0] ?? name);
}

/** What every store must have, of a store that has more. */
export function plainStore(inner: SecretStore): SecretStore {
  return {
    get: (ref) => inner.get(ref),
    getMany: (refs) => inner.getMany(refs),
    list: (tenantId) => inner.list(tenantId),
    put: (record, expectedRev) => inner.put(record, expectedRev),
    putMany: (writes) =>
      inner.putMany(writes.map(({ record, expectedRev }) => ({ record, expectedRev }))),
    delete: (ref, expectedRev) => inner.delete(ref, expectedRev),
    scan: (query) => inner.scan(query),
  };
}

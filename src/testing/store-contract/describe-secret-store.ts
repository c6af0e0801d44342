import { behindCases } from './behind.ts';
import { compareAndSetCases } from './compare-and-set.ts';
import { manyCases } from './many.ts';
import { namesCases } from './names.ts';
import { optionalCases } from './optional.ts';
import { readWriteCases } from './read-write.ts';
import type { ContractRunner, ContractTarget } from './target.ts';

const GROUPS = {
  'reading and writing': readWriteCases,
  names: namesCases,
  'compare-and-set': compareAndSetCases,
  'many records': manyCases,
  'what is behind the store': behindCases,
  'optional members': optionalCases,
};

/**
 * Registers the contract of a `SecretStore` with a test runner: one case for each sentence of its
 * rules, [S1] to [S12]. What passes can be put under a vault.
 *
 * The optional members of a store are checked where it has them.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test';
 * describeSecretStore({ describe, it }, { name: 'MyStore', open: () => new MyStore(freshFolder()) });
 * ```
 * @param runner - of any test library
 * @param target - how to get an empty store
 * @public
 */
export function describeSecretStore(runner: ContractRunner, target: ContractTarget): void {
  runner.describe(target.name, () => {
    for (const [group, cases] of Object.entries(GROUPS)) {
      runner.describe(group, () => {
        for (const [name, run] of cases) {
          runner.it(name, async () => {
            const store = await target.open();
            try {
              await run(store, target);
            } finally {
              await store.close?.();
            }
          });
        }
      });
    }
  });
}

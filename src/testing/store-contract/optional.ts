import assert from 'node:assert/strict';
import { isVaultError } from '../../errors.ts';
import { assertSame, type ContractCase, makeRecord } from './target.ts';

const REF = { tenantId: 'a', provider: 'custom' };
const TOLD_WITHIN_MS = 10_000;

/** Optional members, checked where a store has them. @internal */
export const optionalCases: readonly ContractCase[] = [
  [
    'S10 (optional): count counts the records',
    async (store) => {
      if (store.count === undefined) return;
      assert.equal(await store.count(), 0);
      for (const tenant of ['a', 'b', 'c']) await store.put(makeRecord(tenant), null);
      await store.delete(REF);
      assert.equal(await store.count(), 2);
    },
  ],
  [
    'S11 (optional): watch reports writes and deletes, until it is stopped',
    async (store) => {
      const told: string[] = [];
      let changed = () => {};
      const stop = await store
        .watch?.(({ tenantId, provider }) => {
          told.push(`${tenantId} ${provider}`);
          changed();
        })
        .catch((error: unknown) => {
          // A MongoDB server without a replica set, for example, cannot report changes.
          assert.ok(isVaultError(error, 'ERR_STORE_FAILED'));
        });
      if (stop === undefined) return;
      const change = async (name: string, make: () => Promise<unknown>) => {
        told.length = 0;
        const next = new Promise<void>((resolve) => {
          changed = resolve;
        });
        await make();
        await Promise.race([next, new Promise((late) => setTimeout(late, TOLD_WITHIN_MS).unref())]);
        assert.ok(told.includes(name), `told of ${name}`);
      };
      await change('a custom', () => store.put(makeRecord('a'), null));
      await change('a/b c', () =>
        store.putMany([{ record: makeRecord('a/b', 'c'), expected: null }]),
      );
      await change('a custom', () => store.delete(REF));
      await stop();
      told.length = 0;
      await store.put(makeRecord('a'), null);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assertSame(told, []);
    },
  ],
];

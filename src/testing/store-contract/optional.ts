import assert from 'node:assert/strict';
import { isVaultError } from '../../errors.ts';
import type { SecretRecord } from '../../record/record.ts';
import { type ContractCase, makeRecord } from './target.ts';

const REF = { tenantId: 'a', provider: 'custom' };
const TOLD_WITHIN_MS = 10_000;

/** What a store need not have, checked where it has it. @internal */
export const optionalCases: readonly ContractCase[] = [
  [
    'S3 (optional): put compares what the writer saw',
    async (store) => {
      const first = makeRecord('a');
      await store.put(first, 0, null);
      if (store.supersede === undefined) return; // a store of the plain contract
      assert.equal(await store.put(makeRecord('a', 'custom', 2), 1, 'b3RoZXI='), false);
      assert.equal(await store.put(makeRecord('a'), 0, null), false);
      assert.equal(await store.put(makeRecord('a', 'custom', 2), 1, first.data), true);
    },
  ],
  [
    'S6 (optional): supersede keeps what its caller has not read',
    async (store) => {
      if (store.supersede === undefined) return;
      const first = makeRecord('a', 'custom', 1, { note: 'mine' });
      await store.put({ ...first, metadata: { ...first.metadata, updatedBy: 'ann' } }, 0);
      const later = new Date('2030-01-01T00:00:00Z');
      const next = makeRecord('a', 'custom', 2);
      const metadata = { ...next.metadata, createdAt: later, updatedAt: later };
      assert.equal(await store.supersede({ ...next, metadata }, 2, 5), false);
      assert.equal(await store.supersede({ ...next, metadata }, 1, 5), true);
      const stored = (await store.get(REF)) as SecretRecord;
      assert.equal(stored.note, 'mine');
      assert.deepEqual(stored.metadata, { ...metadata, createdAt: first.metadata?.createdAt });
      const { rev, keyId, updatedAt } = first.metadata ?? {};
      const version = { rev, data: first.data, keyId, updatedAt, updatedBy: 'ann' };
      assert.deepEqual(stored.history, [version]);
    },
  ],
  [
    'S6 (optional): supersede keeps as many earlier versions as it is told',
    async (store) => {
      if (store.supersede === undefined) return;
      const kept = async (keep: number, rev: number) => {
        await store.supersede?.(makeRecord('a', 'custom', rev), rev - 1, keep);
        return (await store.get(REF))?.history?.map((version) => version.rev);
      };
      assert.deepEqual(await kept(2, 1), undefined);
      assert.deepEqual(await kept(2, 2), [1]);
      assert.deepEqual(await kept(2, 3), [2, 1]);
      assert.deepEqual(await kept(2, 4), [3, 2]);
      assert.deepEqual((await kept(0, 5)) ?? [], []);
    },
  ],
  [
    'S3 (optional): of many supersedes at the same time, one wins',
    async (store) => {
      if (store.supersede === undefined) return;
      for (let rev = 0; rev < 3; rev++) {
        const writes = Array.from({ length: 10 }, () => makeRecord('a', 'custom', rev + 1));
        const results = await Promise.all(
          writes.map((record) => store.supersede?.(record, rev, 5)),
        );
        assert.equal(results.filter(Boolean).length, 1);
      }
    },
  ],
  [
    'S10 (optional): count counts the records',
    async (store) => {
      if (store.count === undefined) return;
      assert.equal(await store.count(), 0);
      for (const tenant of ['a', 'b', 'c']) await store.put(makeRecord(tenant), 0);
      await store.delete(REF);
      assert.equal(await store.count(), 2);
    },
  ],
  [
    'S11 (optional): watch tells of writes and deletes, until it is stopped',
    async (store) => {
      const told: string[] = [];
      let changed = () => {};
      const stop = await store
        .watch?.(({ tenantId, provider }) => {
          told.push(`${tenantId} ${provider}`);
          changed();
        })
        .catch((error: unknown) => {
          // What is behind the store cannot tell, as a MongoDB server that is no replica set.
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
      await change('a custom', () => store.put(makeRecord('a'), 0));
      await change('a/b c', () =>
        store.putMany([{ record: makeRecord('a/b', 'c'), expectedRev: 0 }]),
      );
      await change('a custom', () => store.delete(REF));
      await stop();
      told.length = 0;
      await store.put(makeRecord('a'), 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(told, []);
    },
  ],
];

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { isVaultError } from '../../errors.ts';
import { etag, type SecretRecord } from '../../record.ts';
import { assertSame, type ContractCase, makeRecord, names } from './target.ts';

const REF = { tenantId: 'a', provider: 'custom' };

/** The data behind a store: others see it too, and it may be out of reach. @internal */
export const behindCases: readonly ContractCase[] = [
  [
    'S4: another store over the same data sees all that was written',
    async (store, target) => {
      const first = makeRecord('a');
      await store.put(first, null);
      const record = makeRecord('a', 'custom', 2);
      await store.put(record, etag(first));
      await store.put(makeRecord('b'), null);
      await store.delete({ tenantId: 'b', provider: 'custom' });
      const other = await target.reopen?.();
      if (other === undefined) return;
      assertSame(await other.get(record), record);
      assertSame(await other.list('b'), []);
      const next = makeRecord('a', 'custom', 3);
      await other.put(next, etag(record));
      assertSame(await store.get(next), next, 'and the other way round');
      await other.close?.();
    },
  ],
  [
    'S3: two stores over the same data do not write at the same time',
    async (store, target) => {
      const other = await target.reopen?.();
      if (other === undefined) return;
      let expected: string | null = null;
      for (let rev = 1; rev <= 5; rev++) {
        const writes = Array.from({ length: 8 }, () => makeRecord('a', 'custom', rev));
        const results: boolean[] = await Promise.all(
          writes.map((record, at) => (at % 2 ? store : other).put(record, expected)),
        );
        assert.equal(results.filter(Boolean).length, 1);
        const winner = writes[results.indexOf(true)] as SecretRecord;
        assert.equal((await store.get(REF))?.data, winner.data);
        expected = etag(winner);
      }
      await other.close?.();
    },
  ],
  [
    'S7: a failure is a VaultError, and shows no record',
    async (_store, target) => {
      const store = await target.unreachable?.();
      if (store === undefined) return;
      const record = makeRecord('a');
      const calls: (() => Promise<unknown>)[] = [
        () => store.get(record),
        () => store.getMany([record]),
        () => store.list('a'),
        () => store.put(record, null),
        () => store.putMany([{ record, expected: null }]),
        () => store.delete(record),
        async () => {
          for await (const _ of store.scan({}));
        },
      ];
      for (const call of calls) {
        const error: unknown = await call().then(
          () => undefined,
          (thrown) => thrown,
        );
        const isFailure =
          isVaultError(error, 'ERR_STORE_UNAVAILABLE') || isVaultError(error, 'ERR_STORE_FAILED');
        assert.ok(isFailure, `not "nothing found", and not an error of another kind: ${call}`);
        assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(record.data));
      }
      await store.close?.();
    },
  ],
  [
    'S8: replaced and deleted content is gone',
    async (store, { readRaw }) => {
      if (readRaw === undefined) return;
      const [first, second] = [makeRecord('a'), makeRecord('a', 'custom', 2)];
      const holds = async ({ data }: { data: string }) => {
        const raw = await readRaw(REF);
        const text = raw instanceof Uint8Array ? Buffer.from(raw).toString() : JSON.stringify(raw);
        return text?.includes(data) ?? false;
      };
      await store.put(first, null);
      assert.equal(await holds(first), true, 'a store seals nothing itself');
      await store.put(second, etag(first));
      assertSame([await holds(first), await holds(second)], [false, true]);
      await store.delete(REF);
      assert.equal(await holds(second), false);
    },
  ],
  [
    'S9: init can be called again, and at the same time',
    async (store) => {
      await store.put(makeRecord('a'), null);
      await Promise.all([store.init?.(), store.init?.(), store.init?.()]);
      assertSame(names(await store.list('a')), ['a custom']);
    },
  ],
];

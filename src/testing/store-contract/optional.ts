import assert from 'node:assert/strict';
import { isVaultError } from '../../errors.ts';
import { etag, type SecretRecord } from '../../record.ts';
import type { ScanRange } from '../../stores/secret-store.ts';
import { assertSame, type ContractCase, makeRecord, names, scanned } from './target.ts';

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
    'S10 (optional): split gives about equal ranges that hold every record once, in order',
    async (store) => {
      if (store.split === undefined) return;
      const split = async (parts: number) => (await store.split?.(parts)) ?? [];
      const inRanges = async (ranges: readonly ScanRange[]) =>
        Promise.all(ranges.map(async (range) => names((await scanned(store, range)).flat())));
      const empty = await split(3);
      assert.ok(empty.length >= 1 && empty.length <= 3);

      const tenants = Array.from({ length: 60 }, (_, n) => `t${String(n).padStart(2, '0')}`);
      const records = tenants.flatMap((tenant) => [makeRecord(tenant, 'a'), makeRecord(tenant)]);
      await store.putMany(records.map((record) => ({ record, expected: null })));
      assertSame((await inRanges(empty)).flat(), names(records), 'ranges of an empty store');
      for (const parts of [1, 2, 7, 500]) {
        const found = await inRanges(await split(parts));
        assert.ok(found.length >= 1 && found.length <= parts);
        assertSame(found.flat(), names(records), `${parts} parts`);
        const largest = Math.max(...found.map(({ length }) => length));
        assert.ok(largest <= 2 * Math.ceil(records.length / parts), `${parts} parts: ${largest}`);
      }
      const ranges = await split(3);
      const later = ['A', 't30 ', 'z'].map((tenant) => makeRecord(tenant));
      await store.putMany(later.map((record) => ({ record, expected: null })));
      const found = (await inRanges(ranges)).flat();
      assert.equal(found.length, records.length + 3, 'later records are in the ranges, too');
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
  [
    'S12 (optional): find gives the tenants that have any of the digests, compared exactly',
    async (store) => {
      if (store.find === undefined) return;
      const find = async (provider: string, ...digests: string[]) =>
        [...((await store.find?.({ provider, field: 'account', digests })) ?? [])].sort();
      const put = async (tenantId: string, lookup: unknown, provider = 'custom') => {
        const { metadata, ...record } = makeRecord(tenantId, provider);
        await store.put({ ...record, metadata: { ...metadata, lookup } } as SecretRecord, null);
      };
      await put('a', ['account:k1:AAA', 'number:k1:NNN']);
      await put('b', ['account:k2:AAA']);
      await put('c', ['account:k1:AAA'], 'other');
      await put('d', 'account:k1:DDD'); // not a list: no digests, or this one
      await store.put(makeRecord('e'), null);
      assertSame(await find('custom', 'account:k1:AAA'), ['a']);
      assertSame(await find('custom', 'account:k1:AAA', 'account:k2:AAA'), ['a', 'b']);
      assertSame(await find('other', 'account:k1:AAA'), ['c']);
      for (const digest of ['account:k1:aaa', 'account:k1:AA', 'account:k1', '']) {
        assertSame(await find('custom', digest), [], digest);
      }
      assertSame(await find('custom'), []);

      const [stored] = await store.list('a');
      assert.ok(stored);
      assertSame(stored.metadata?.lookup, ['account:k1:AAA', 'number:k1:NNN']);
      const { lookup: _gone, ...metadata } = stored.metadata ?? {};
      const { data } = makeRecord('a');
      assert.equal(await store.put({ ...stored, data, metadata }, etag(stored)), true);
      assertSame(await find('custom', 'account:k1:AAA'), []);
      await store.delete({ tenantId: 'b', provider: 'custom' });
      assertSame(await find('custom', 'account:k2:AAA'), []);
    },
  ],
];

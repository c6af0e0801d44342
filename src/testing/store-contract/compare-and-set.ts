import assert from 'node:assert/strict';
import type { SecretRecord } from '../../record/record.ts';
import { type ContractCase, makeRecord } from './target.ts';

const REF = { tenantId: 'a', provider: 'custom' };

/** Conditional writes and deletes. @internal */
export const compareAndSetCases: readonly ContractCase[] = [
  [
    'S3: put writes at the expected revision only',
    async (store) => {
      assert.equal(await store.put(makeRecord('a', 'custom', 2), 1), false, 'there is none');
      assert.equal(await store.get(REF), undefined);
      assert.equal(await store.put(makeRecord('a'), 0), true);
      const first = await store.get(REF);
      for (const rev of [0, 2, 3]) {
        assert.equal(await store.put(makeRecord('a', 'custom', rev + 1), rev), false);
      }
      assert.deepEqual(await store.get(REF), first, 'S5: a lost write changes nothing');
      const second = makeRecord('a', 'custom', 2);
      assert.equal(await store.put(second, 1), true);
      assert.deepEqual(await store.get(REF), second);
    },
  ],
  [
    'S3: a record without a revision counts as revision 0',
    async (store) => {
      const { metadata: _, ...bare } = makeRecord('a');
      assert.equal(await store.put(bare as SecretRecord, 0), true);
      assert.equal(await store.put(makeRecord('a', 'custom', 2), 1), false);
      assert.equal(await store.put(makeRecord('a', 'custom', 1), 0), true);
      assert.equal(await store.put(makeRecord('a', 'custom', 1), 0), false);
    },
  ],
  [
    'S1: of many first writes at the same time, one wins',
    async (store) => {
      const writes = Array.from({ length: 20 }, () => makeRecord('a'));
      const results = await Promise.all(writes.map((record) => store.put(record, 0)));
      assert.equal(results.filter(Boolean).length, 1);
      const winner = writes[results.indexOf(true)];
      assert.equal((await store.get(REF))?.data, winner?.data);
      assert.equal((await store.list('a')).length, 1);
    },
  ],
  [
    'S3: of many writes of one revision at the same time, one wins',
    async (store) => {
      await store.put(makeRecord('a'), 0);
      for (let rev = 1; rev <= 3; rev++) {
        const writes = Array.from({ length: 10 }, () => makeRecord('a', 'custom', rev + 1));
        const results = await Promise.all(writes.map((record) => store.put(record, rev)));
        assert.equal(results.filter(Boolean).length, 1);
        assert.equal((await store.get(REF))?.data, writes[results.indexOf(true)]?.data);
      }
    },
  ],
  [
    'S3: putMany tells for each write whether it was done',
    async (store) => {
      await store.put(makeRecord('a'), 0);
      await store.put(makeRecord('b'), 0);
      const records = [
        makeRecord('a', 'custom', 2),
        makeRecord('b', 'custom', 9),
        makeRecord('c'),
        makeRecord('a', 'twilio'),
        makeRecord('d', 'custom', 4),
      ];
      const expected = [1, 8, 0, 0, 3];
      const writes = records.map((record, at) => ({ record, expectedRev: expected[at] as number }));
      assert.deepEqual(await store.putMany(writes), [true, false, true, true, false]);
      for (const [at, written] of [true, false, true, true, false].entries()) {
        const record = records[at] as SecretRecord;
        assert.equal((await store.get(record))?.data === record.data, written);
      }
      assert.deepEqual(await store.putMany([]), []);
    },
  ],
  [
    'S3: delete looks at the revision when it is told one',
    async (store) => {
      await store.put(makeRecord('a'), 0);
      await store.put(makeRecord('b'), 0);
      assert.equal(await store.delete(REF, 2), false);
      assert.equal(await store.delete(REF, 0), false);
      assert.notEqual(await store.get(REF), undefined);
      assert.equal(await store.delete(REF, 1), true);
      assert.equal(await store.get(REF), undefined);
      assert.equal((await store.list('b')).length, 1, 'nothing else is removed');
      assert.equal(await store.put(makeRecord('a'), 0), true, 'it can be made anew');
      assert.equal(await store.delete(REF), true);
    },
  ],
  [
    'S1: of many first writes by putMany, one wins for each address',
    async (store) => {
      const batch = () =>
        ['a', 'b', 'c'].map((tenant) => ({ record: makeRecord(tenant), expectedRev: 0 }));
      const batches = Array.from({ length: 8 }, batch);
      const results = await Promise.all(batches.map((writes) => store.putMany(writes)));
      for (const [at, tenantId] of ['a', 'b', 'c'].entries()) {
        const winners = batches.filter((_, batch) => results[batch]?.[at]);
        assert.equal(winners.length, 1);
        const stored = await store.get({ tenantId, provider: 'custom' });
        assert.equal(stored?.data, winners[0]?.[at]?.record.data);
      }
    },
  ],
];

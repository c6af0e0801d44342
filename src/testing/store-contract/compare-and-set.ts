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
];

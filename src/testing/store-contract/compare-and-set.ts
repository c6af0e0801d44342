import assert from 'node:assert/strict';
import { etag, type SecretRecord } from '../../record.ts';
import type { SecretStore } from '../../stores/secret-store.ts';
import { assertSame, type ContractCase, makeRecord } from './target.ts';

const REF = { tenantId: 'a', provider: 'custom' };

/** A record at `REF` that begins with the given text. */
function recordWith(start: string): SecretRecord {
  const record = makeRecord('a');
  return { ...record, data: start + record.data.slice(start.length) };
}

async function written(store: SecretStore, record: SecretRecord): Promise<SecretRecord> {
  assert.equal(await store.put(record, null), true);
  return record;
}

/** Conditional writes and deletes. @internal */
export const compareAndSetCases: readonly ContractCase[] = [
  [
    'S3: put with null writes only where no record is',
    async (store) => {
      const first = await written(store, makeRecord('a'));
      assert.equal(await store.put(makeRecord('a'), null), false);
      assertSame(await store.get(REF), first, 'S5: a lost write changes nothing');
      await store.delete(REF);
      assert.equal(await store.put(makeRecord('a'), null), true, 'it can be made anew');
    },
  ],
  [
    'S3: put writes only over the record that has the expected etag',
    async (store) => {
      const absent = etag(makeRecord('a'));
      assert.equal(await store.put(makeRecord('a'), absent), false, 'there is no record');
      assert.equal(await store.put(makeRecord('a'), ''), false, 'there is no record');
      assert.equal(await store.get(REF), undefined);
      const first = await written(store, makeRecord('a'));
      const second = makeRecord('a', 'custom', 2);
      for (const expected of [absent, etag(second), '', etag(first).slice(0, 8)]) {
        assert.equal(await store.put(second, expected), false, `with the etag "${expected}"`);
      }
      assertSame(await store.get(REF), first, 'S5: a lost write changes nothing');
      assert.equal(await store.put(second, etag(first)), true);
      assertSame(await store.get(REF), second);
      assert.equal(await store.put(makeRecord('a'), etag(first)), false, 'the etag is gone');
    },
  ],
  [
    'S3: an etag of before a delete does not match a record of the same revision',
    async (store) => {
      const before = await written(store, makeRecord('a'));
      await store.delete(REF);
      const anew = await written(store, makeRecord('a'));
      assert.equal(await store.put(makeRecord('a', 'custom', 2), etag(before)), false);
      assert.equal(await store.delete(REF, etag(before)), false);
      assertSame(await store.get(REF), anew);
      assert.equal(await store.put(makeRecord('a', 'custom', 2), etag(anew)), true);
    },
  ],
  [
    'S3: etags are compared by code unit',
    async (store) => {
      const stored = await written(store, recordWith('aB+/aB+/aB+/aB+/'));
      const others = [
        'AB+/aB+/aB+/aB+/',
        'ab+/ab+/ab+/ab+/',
        'aB./aB./aB./aB./',
        '................',
      ];
      for (const expected of others) {
        assert.equal(await store.put(makeRecord('a', 'custom', 2), expected), false, expected);
        assert.equal(await store.delete(REF, expected), false, expected);
      }
      assertSame(await store.get(REF), stored);
      assert.equal(await store.put(makeRecord('a', 'custom', 2), etag(stored)), true);
    },
  ],
  [
    'S3: "" matches a record whose data has no etag, and no other',
    async (store) => {
      for (const data of ['', 'short', 'not base64, but long enough', `é${'A'.repeat(20)}`]) {
        await written(store, { ...makeRecord('a'), data });
        assert.equal(await store.put(makeRecord('a'), etag(makeRecord('a'))), false);
        assert.equal(await store.put(makeRecord('a'), null), false);
        assert.equal(await store.put(makeRecord('a', 'custom', 2), ''), true, data);
        assert.equal(await store.put(makeRecord('a', 'custom', 3), ''), false, 'not a prefix');
        assert.equal(await store.delete(REF, ''), false, 'not a prefix');
        await store.delete(REF);
      }
      await written(store, { ...makeRecord('a'), data: '' });
      assert.equal(await store.delete(REF, ''), true);
    },
  ],
  [
    'S3: neither the revision nor missing metadata decides',
    async (store) => {
      const { metadata: _, ...bare } = makeRecord('a');
      await written(store, bare as SecretRecord);
      const next = makeRecord('a', 'custom', 1);
      assert.equal(await store.put(next, null), false);
      assert.equal(await store.put(next, etag(bare)), true);
      assertSame(await store.get(REF), next);
      const same = makeRecord('a', 'custom', 1);
      assert.equal(await store.put(same, etag(bare)), false);
      assert.equal(await store.put(same, etag(next)), true);
    },
  ],
  [
    'S1: of many first writes at the same time, one wins',
    async (store) => {
      const writes = Array.from({ length: 20 }, () => makeRecord('a'));
      const results = await Promise.all(writes.map((record) => store.put(record, null)));
      assert.equal(results.filter(Boolean).length, 1);
      const winner = writes[results.indexOf(true)];
      assert.equal((await store.get(REF))?.data, winner?.data);
      assert.equal((await store.list('a')).length, 1);
    },
  ],
  [
    'S3: of many writes over one record at the same time, one wins',
    async (store) => {
      let stored = await written(store, makeRecord('a'));
      for (let rev = 2; rev <= 4; rev++) {
        const expected = etag(stored);
        const writes = Array.from({ length: 10 }, () => makeRecord('a', 'custom', rev));
        const results = await Promise.all(writes.map((record) => store.put(record, expected)));
        assert.equal(results.filter(Boolean).length, 1);
        stored = writes[results.indexOf(true)] as SecretRecord;
        assert.equal((await store.get(REF))?.data, stored.data);
      }
    },
  ],
  [
    'S3: of a write and a delete with the same etag at the same time, one wins',
    async (store) => {
      for (let round = 0; round < 5; round++) {
        const stored = await written(store, makeRecord('a'));
        const next = makeRecord('a', 'custom', 2);
        const [deleted, replaced] = await Promise.all([
          store.delete(REF, etag(stored)),
          store.put(next, etag(stored)),
        ]);
        assert.notEqual(deleted, replaced);
        assertSame(await store.get(REF), replaced ? next : undefined);
        await store.delete(REF);
      }
    },
  ],
  [
    'S3: putMany tells for each write whether it was done',
    async (store) => {
      const a = await written(store, makeRecord('a'));
      await written(store, makeRecord('b'));
      await written(store, makeRecord('e'));
      const writes: [SecretRecord, string | null, boolean][] = [
        [makeRecord('a', 'custom', 2), etag(a), true],
        [makeRecord('b', 'custom', 2), etag(makeRecord('b')), false],
        [makeRecord('c'), null, true],
        [makeRecord('a', 'twilio'), null, true],
        [makeRecord('d', 'custom', 4), etag(makeRecord('d')), false],
        [makeRecord('e'), null, false],
      ];
      const expected = writes.map(([, , done]) => done);
      assertSame(
        await store.putMany(writes.map(([record, expected]) => ({ record, expected }))),
        expected,
      );
      for (const [record, , done] of writes) {
        assert.equal((await store.get(record))?.data === record.data, done);
      }
      assertSame(await store.putMany([]), []);
    },
  ],
  [
    'S3: delete looks at the etag when it is given one',
    async (store) => {
      const a = await written(store, makeRecord('a'));
      await written(store, makeRecord('b'));
      assert.equal(await store.delete(REF, etag(makeRecord('a'))), false);
      assert.equal(await store.delete(REF, ''), false);
      assert.notEqual(await store.get(REF), undefined);
      assert.equal(await store.delete(REF, etag(a)), true);
      assert.equal(await store.get(REF), undefined);
      assert.equal((await store.list('b')).length, 1, 'nothing else is removed');
      await written(store, makeRecord('a'));
      assert.equal(await store.delete(REF), true);
    },
  ],
  [
    'S1: of many first writes by putMany, one wins for each address',
    async (store) => {
      const batch = () =>
        ['a', 'b', 'c'].map((tenant) => ({ record: makeRecord(tenant), expected: null }));
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

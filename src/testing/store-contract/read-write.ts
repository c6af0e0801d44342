import assert from 'node:assert/strict';
import { etag, type SecretRecord } from '../../record.ts';
import { assertSame, type ContractCase, makeRecord, names, scanned } from './target.ts';

/** Reading and writing one record. @internal */
export const readWriteCases: readonly ContractCase[] = [
  [
    'S1: returns nothing where nothing was put',
    async (store) => {
      assert.equal(await store.get({ tenantId: 'a', provider: 'custom' }), undefined);
      assertSame(await store.list('a'), []);
      assertSame(await store.getMany([{ tenantId: 'a', provider: 'custom' }]), []);
      assert.equal(await store.delete({ tenantId: 'a', provider: 'custom' }), false);
    },
  ],
  [
    'S2: returns what was put, dates and unknown members included',
    async (store) => {
      const record = makeRecord('a', 'custom', 1, {
        note: { deep: [1, 'two', null, true] },
        history: [{ rev: 0, data: 'b2xk', updatedAt: new Date(0) }],
      });
      const whole = {
        ...record,
        metadata: { ...record.metadata, origin: 'import', updatedBy: 'ann' },
      };
      assert.equal(await store.put(whole, null), true);
      assertSame(await store.get(record), whole);
      assertSame(await store.list('a'), [whole]);
      assertSame(await store.getMany([record]), [whole]);
    },
  ],
  [
    'S2: keeps unknown members when what was read is put back changed',
    async (store) => {
      await store.put(makeRecord('a', 'custom', 1, { note: 'mine' }), null);
      const read = (await store.get({ tenantId: 'a', provider: 'custom' })) as SecretRecord;
      const next = { ...read, data: makeRecord('a').data, metadata: { ...read.metadata, rev: 2 } };
      assert.equal(await store.put(next, etag(read)), true);
      assertSame(await store.get(read), next);
    },
  ],
  [
    'S2: the caller can change a record it gave or got without changing the stored one',
    async (store) => {
      const given = { ...makeRecord('a'), note: { deep: 'as put' } };
      await store.put(given, null);
      given.note.deep = 'changed';
      const read = (await store.get(given)) as unknown as typeof given;
      assert.equal(read.note.deep, 'as put');
      read.note.deep = 'changed';
      const readers: (() => Promise<readonly SecretRecord[]>)[] = [
        async () => [await store.get(given)].flatMap((record) => record ?? []),
        () => store.list('a'),
        () => store.getMany([given]),
        async () => (await scanned(store, {})).flat(),
      ];
      for (const read of readers) {
        for (const expected of ['as put', 'as put']) {
          const [record] = (await read()) as unknown as (typeof given)[];
          assert.equal(record?.note.deep, expected);
          record.note.deep = 'changed';
        }
      }
    },
  ],
  [
    'S2: a reader that needs no history gets the same record, with or without its history',
    async (store) => {
      const versions = [1, 2, 3].map((rev) => ({ rev, data: makeRecord('a').data }));
      const record = makeRecord('a', 'custom', 4, { history: versions, note: 'mine' });
      await store.put(record, null);
      const options = { history: false };
      for (const read of [
        await store.get(record, options),
        ...(await store.getMany([record], options)),
        ...(await store.list('a', options)),
      ]) {
        assertSame({ history: versions, ...read }, record);
      }
      assertSame(await store.get(record), record, 'and it is still stored');
    },
  ],
  [
    'S1: list returns the records of one tenant, by provider',
    async (store) => {
      for (const provider of ['twilio', 'Twilio', 'custom', 'sendgrid']) {
        await store.put(makeRecord('a', provider), null);
        await store.put(makeRecord('b', provider), null);
      }
      const expected = ['a Twilio', 'a custom', 'a sendgrid', 'a twilio'];
      assertSame(names(await store.list('a')), expected);
    },
  ],
  [
    'S2: keeps a large record',
    async (store) => {
      const record = makeRecord('a', 'custom', 1, {
        history: Array.from({ length: 5 }, (_, rev) => ({ rev, data: 'A'.repeat(256 * 1024) })),
      });
      await store.put(record, null);
      assertSame(await store.get(record), record);
    },
  ],
];

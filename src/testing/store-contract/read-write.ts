import assert from 'node:assert/strict';
import type { SecretRecord } from '../../record/record.ts';
import { type ContractCase, makeRecord, names, scanned } from './target.ts';

/** Reading and writing one record. @internal */
export const readWriteCases: readonly ContractCase[] = [
  [
    'S1: gives nothing where nothing was put',
    async (store) => {
      assert.equal(await store.get({ tenantId: 'a', provider: 'custom' }), undefined);
      assert.deepEqual(await store.list('a'), []);
      assert.deepEqual(await store.getMany([{ tenantId: 'a', provider: 'custom' }]), []);
      assert.equal(await store.delete({ tenantId: 'a', provider: 'custom' }), false);
    },
  ],
  [
    'S2: gives back what was put, dates and unknown members included',
    async (store) => {
      const record = makeRecord('a', 'custom', 1, {
        note: { deep: [1, 'two', null, true] },
        history: [{ rev: 0, data: 'b2xk', updatedAt: new Date(0) }],
      });
      const whole = {
        ...record,
        metadata: { ...record.metadata, origin: 'import', updatedBy: 'ann' },
      };
      assert.equal(await store.put(whole, 0), true);
      assert.deepEqual(await store.get(record), whole);
      assert.deepEqual(await store.list('a'), [whole]);
      assert.deepEqual(await store.getMany([record]), [whole]);
    },
  ],
  [
    'S2: keeps unknown members when what was read is put back changed',
    async (store) => {
      await store.put(makeRecord('a', 'custom', 1, { note: 'mine' }), 0);
      const read = (await store.get({ tenantId: 'a', provider: 'custom' })) as SecretRecord;
      const next = { ...read, data: 'bmV3', metadata: { ...read.metadata, rev: 2 } };
      assert.equal(await store.put(next, 1), true);
      assert.deepEqual(await store.get(read), next);
    },
  ],
  [
    'S2: what was given and what was returned can be changed by the caller',
    async (store) => {
      const given = { ...makeRecord('a'), note: { deep: 'as put' } };
      await store.put(given, 0);
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
    'S1: list gives the records of one tenant, by provider',
    async (store) => {
      for (const provider of ['twilio', 'Twilio', 'custom', 'sendgrid']) {
        await store.put(makeRecord('a', provider), 0);
        await store.put(makeRecord('b', provider), 0);
      }
      const expected = ['a Twilio', 'a custom', 'a sendgrid', 'a twilio'];
      assert.deepEqual(names(await store.list('a')), expected);
    },
  ],
  [
    'S2: keeps a large record',
    async (store) => {
      const record = makeRecord('a', 'custom', 1, {
        history: Array.from({ length: 5 }, (_, rev) => ({ rev, data: 'A'.repeat(256 * 1024) })),
      });
      await store.put(record, 0);
      assert.deepEqual(await store.get(record), record);
    },
  ],
];

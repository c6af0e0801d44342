import assert from 'node:assert/strict';
import type { SecretRecord } from '../../record/record.ts';
import { type ContractCase, makeRecord, names } from './target.ts';

const AWKWARD_NAMES = [
  '.',
  '..',
  '$ne',
  'a.b',
  'a/b',
  'a',
  'A',
  'b',
  'a b',
  ' a',
  'a ',
  '%2F',
  'é',
  'e\u0301',
  '東京',
  '\u{1F511}',
  "';--",
  '"{}"',
  '*',
  'default',
  'x'.repeat(128),
];

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
      for (const again of [await store.get(given), ...(await store.list('a'))]) {
        assert.equal((again as unknown as typeof given).note.deep, 'as put');
      }
    },
  ],
  [
    'S1: tells names apart, however alike',
    async (store) => {
      for (const name of AWKWARD_NAMES) assert.equal(await store.put(makeRecord(name), 0), true);
      await store.put(makeRecord('a', 'b/c'), 0);
      await store.put(makeRecord('a/b', 'c'), 0);
      for (const name of AWKWARD_NAMES) {
        const record = await store.get({ tenantId: name, provider: 'custom' });
        assert.equal(record?.tenantId, name);
      }
      assert.deepEqual(names(await store.list('a')), ['a b/c', 'a custom']);
      assert.deepEqual(names(await store.list('a/b')), ['a/b c', 'a/b custom']);
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
  [
    'S4: another store over the same data sees all that was written',
    async (store, target) => {
      await store.put(makeRecord('a'), 0);
      const record = makeRecord('a', 'custom', 2);
      await store.put(record, 1);
      await store.put(makeRecord('b'), 0);
      await store.delete({ tenantId: 'b', provider: 'custom' });
      const other = await target.reopen?.();
      if (other === undefined) return;
      assert.deepEqual(await other.get(record), record);
      assert.deepEqual(await other.list('b'), []);
      await other.close?.();
    },
  ],
  [
    'S8: what lies behind the store is what was put, and no more',
    async (store, target) => {
      const record = makeRecord('a');
      await store.put(record, 0);
      const raw = await target.readRaw?.(record);
      if (raw !== undefined) assert.ok(JSON.stringify(raw).includes(record.data));
    },
  ],
  [
    'S9: init can be called again, and at the same time',
    async (store) => {
      await store.put(makeRecord('a'), 0);
      await Promise.all([store.init?.(), store.init?.(), store.init?.()]);
      assert.deepEqual(names(await store.list('a')), ['a custom']);
    },
  ],
];

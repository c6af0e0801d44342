import { MemorySecretStore } from 'provider-vault';
import { expect, it } from 'vitest';
import { write } from '../../support/store-write.ts';

const ref = { tenantId: 'a', provider: 'custom' };

it('keeps bytes of its own, also of a Buffer', async () => {
  const store = new MemorySecretStore();
  const note = Buffer.from('as put');
  await store.put({ ...write('a', null).record, note }, null);
  note.fill('x');
  const [read] = await store.getMany([ref]);
  expect(read?.note).toEqual(Buffer.from('as put'));
  if (Buffer.isBuffer(read?.note)) read.note.fill('x');
  expect((await store.get(ref))?.note).toEqual(Buffer.from('as put'));
});

it('returns instances of classes as they were put', async () => {
  class Id {
    constructor(readonly hex: string) {}
  }
  const store = new MemorySecretStore();
  const id = new Id('0a');
  const record = { ...write('a', null).record, ids: [{ id }], by: new Map([['a', 1]]) };
  await store.put(record, null);
  expect(await store.get(ref)).toStrictEqual(record);
});

it('leaves out the history for a reader that does not need it', async () => {
  const store = new MemorySecretStore();
  const record = { ...write('a', null).record, history: [{ rev: 1, data: 'b2xk' }], note: 'mine' };
  await store.put(record, null);
  const { history: _, ...current } = record;
  const options = { history: false };
  expect(await store.get(ref, options)).toStrictEqual(current);
  expect(await store.getMany([ref], options)).toStrictEqual([current]);
  expect(await store.list('a', options)).toStrictEqual([current]);
});

import { MemoryKeyStore, MemorySecretStore, type SecretRef } from 'provider-vault';
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
  const record = {
    ...write('a', null).record,
    ids: [{ id }],
    by: new Map([['a', 1]]),
  };
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

it('keeps an object without a prototype', async () => {
  const store = new MemorySecretStore();
  const bare = Object.assign(Object.create(null), { a: 1 });
  await store.put({ ...write('a', null).record, bare }, null);
  bare.a = 2;
  expect((await store.get(ref))?.bare).toEqual({ a: 1 });
});

it('keeps dates of its own', async () => {
  const store = new MemorySecretStore();
  const at = new Date(0);
  await store.put({ ...write('a', null).record, at }, null);
  at.setTime(1);
  const read = await store.get(ref);
  expect(read?.at).toEqual(new Date(0));
  if (read?.at instanceof Date) read.at.setTime(2);
  expect((await store.get(ref))?.at).toEqual(new Date(0));
});

it('goes through tenants by code point', async () => {
  const ordered = ['Z', 'a', 'ab', 'b', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'];
  const store = new MemorySecretStore();
  for (const tenant of ordered.toReversed()) await store.put(write(tenant, null).record, null);
  const seen: string[] = [];
  for await (const batch of store.scan({ batchSize: 2 })) {
    seen.push(...batch.map(({ tenantId }) => tenantId));
  }
  expect(seen).toEqual(ordered);
});

it('gives no empty batch, of records and of keys', async () => {
  const store = new MemorySecretStore();
  const keys = new MemoryKeyStore();
  for (const tenantId of ['a', 'b', 'c', 'd']) {
    await store.put(write(tenantId, null).record, null);
    await keys.put({ tenantId, etag: 'AAAABBBBCCCCDDDD', current: 0, keys: [] }, null);
  }
  const sizes: number[] = [];
  for await (const batch of store.scan({ batchSize: 2 })) {
    sizes.push(batch.length);
    for (const tenantId of ['c', 'd']) await store.delete({ ...ref, tenantId });
  }
  expect(sizes).toEqual([2]);
  const ofKeys: number[] = [];
  for await (const batch of keys.scan({ batchSize: 2 })) ofKeys.push(batch.length);
  expect(ofKeys).toEqual([2, 2]);
});

it('deletes nothing where there is nothing', async () => {
  const store = new MemorySecretStore();
  expect(await store.delete(ref)).toBe(false);
  expect(await store.delete(ref, 'AAAABBBBCCCCDDDD')).toBe(false);
});

it('tells of what has changed, until nobody listens', async () => {
  const store = new MemorySecretStore();
  const told: SecretRef[] = [];
  const stop = await store.watch((changed) => told.push(changed));
  const { record } = write('a', null);
  await store.put(record, null);
  await store.put(record, null); // there is one
  await store.delete({ ...ref, tenantId: 'none' });
  expect(told).toEqual([ref]);
  await stop();
  await store.delete(ref);
  expect(told).toEqual([ref]);
});

it.each([0, -1, 1.5, Number.NaN, '2'])('does not split into %j parts', async (parts) => {
  const splitting = new MemorySecretStore().split(parts as number);
  await expect(splitting).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
});

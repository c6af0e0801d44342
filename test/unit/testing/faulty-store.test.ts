import { MemorySecretStore } from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { expect, it } from 'vitest';
import { write } from '../../support/store-write.ts';

async function faultyStore(): Promise<FaultyStore> {
  const inner = new MemorySecretStore();
  await inner.putMany(['a', 'b', 'c'].map((tenant) => write(tenant, null)));
  return new FaultyStore(inner);
}

const failure = { code: 'ERR_STORE_UNAVAILABLE' };

it('fails a scan at the batch of your choice, once', async () => {
  const faulty = await faultyStore();
  faulty.fail('scan', 'before', 2);
  const tenants: string[] = [];
  const scan = async () => {
    for await (const batch of faulty.store.scan({ batchSize: 1 })) {
      tenants.push(...batch.map(({ tenantId }) => tenantId));
    }
  };
  await expect(scan()).rejects.toMatchObject(failure);
  expect(tenants).toEqual(['a']);
  await scan();
  expect(tenants).toEqual(['a', 'a', 'b', 'c']);
  expect(faulty.calls).toEqual(Array.from({ length: 6 }, () => 'scan'));
});

it('fails a scan that finds nothing', async () => {
  const faulty = new FaultyStore(new MemorySecretStore());
  faulty.fail('scan', 'before');
  const first = async () => faulty.store.scan({})[Symbol.asyncIterator]().next();
  await expect(first()).rejects.toMatchObject(failure);
});

it('ends the scan of the store when a scan is given up', async () => {
  let ended = false;
  const inner = new MemorySecretStore();
  inner.scan = async function* () {
    try {
      for (;;) yield [write('a', null).record];
    } finally {
      ended = true;
    }
  };
  for await (const _ of new FaultyStore(inner).store.scan({})) break;
  expect(ended).toBe(true);
});

it('fails a watch before it listens', async () => {
  const faulty = await faultyStore();
  faulty.fail('watch', 'before');
  const told: string[] = [];
  const watch = () => faulty.store.watch?.(({ tenantId }) => told.push(tenantId));
  await expect(watch()).rejects.toMatchObject(failure);
  await faulty.store.putMany([write('d', null)]);
  expect(told).toEqual([]);
  await watch();
  await faulty.store.putMany([write('e', null)]);
  expect(told).toEqual(['e']);
});

import assert from 'node:assert/strict';
import { etag } from '../../record.ts';
import type { SecretStore } from '../../stores/secret-store.ts';
import { assertSame, type ContractCase, makeRecord, names, scanned } from './target.ts';

async function fill(store: SecretStore): Promise<string[]> {
  const records = ['b', 'a', 'd', 'c'].flatMap((tenant) => [
    makeRecord(tenant, 'twilio'),
    makeRecord(tenant, 'custom'),
  ]);
  for (const record of records) await store.put(record, null);
  return names(records).sort();
}

/** Reading many records. @internal */
export const manyCases: readonly ContractCase[] = [
  [
    'S1: getMany returns the records that exist, each once',
    async (store) => {
      await fill(store);
      const found = await store.getMany([
        { tenantId: 'c', provider: 'custom' },
        { tenantId: 'a', provider: 'twilio' },
        { tenantId: 'c', provider: 'custom' },
        { tenantId: 'a', provider: 'none' },
        { tenantId: 'none', provider: 'custom' },
      ]);
      assertSame(names(found).sort(), ['a twilio', 'c custom']);
      assertSame(await store.getMany([]), []);
    },
  ],
  [
    'S1: getMany mixes no tenants and providers',
    async (store) => {
      await fill(store);
      const refs = [
        { tenantId: 'a', provider: 'twilio' },
        { tenantId: 'b', provider: 'custom' },
      ];
      assertSame(names(await store.getMany(refs)).sort(), ['a twilio', 'b custom']);
    },
  ],
  [
    'S10: scan gives every record once, in order, in batches of at most batchSize',
    async (store) => {
      const all = await fill(store);
      for (const batchSize of [1, 3, 4, 8, 100]) {
        const batches = await scanned(store, { batchSize });
        assertSame(names(batches.flat()), all);
        assert.ok(batches.every((batch) => batch.length > 0 && batch.length <= batchSize));
      }
      assertSame(names((await scanned(store, {})).flat()), all);
    },
  ],
  [
    'S10: scan goes on behind an address, whether it still exists or not',
    async (store) => {
      const all = await fill(store);
      for (const [at, name] of all.entries()) {
        const [tenantId = '', provider = ''] = name.split(' ');
        const rest = await scanned(store, { after: { tenantId, provider }, batchSize: 3 });
        assertSame(names(rest.flat()), all.slice(at + 1));
      }
      const gap = await scanned(store, { after: { tenantId: 'b', provider: 'sendgrid' } });
      assertSame(names(gap.flat()), all.slice(3));
    },
  ],
  [
    'S10: scan ends with the address it is told, which belongs to it',
    async (store) => {
      const all = await fill(store);
      for (const [at, name] of all.entries()) {
        const [tenantId = '', provider = ''] = name.split(' ');
        const part = await scanned(store, { until: { tenantId, provider }, batchSize: 3 });
        assertSame(names(part.flat()), all.slice(0, at + 1));
      }
      const after = { tenantId: 'b', provider: 'custom' };
      const between = await scanned(store, { after, until: { tenantId: 'c', provider: 'd' } });
      assertSame(names(between.flat()), ['b twilio', 'c custom']);
    },
  ],
  [
    'S10: scan by key id gives the records that name that key',
    async (store) => {
      const other = makeRecord('a', 'stripe');
      await fill(store);
      await store.put({ ...other, metadata: { ...other.metadata, keyId: 'ffff0000' } }, null);
      assertSame(names((await scanned(store, { keyId: 'ffff0000' })).flat()), ['a stripe']);
      assert.equal((await scanned(store, { keyId: '0123abcd', batchSize: 3 })).flat().length, 8);
      assertSame((await scanned(store, { keyId: 'none' })).flat(), []);
    },
  ],
  [
    'S10: scan misses no record that is written meanwhile',
    async (store) => {
      const all = await fill(store);
      const seen: string[] = [];
      for await (const batch of store.scan({ batchSize: 2 })) {
        for (const record of batch) {
          seen.push(...names([record]));
          await store.put(makeRecord(record.tenantId, record.provider, 2), etag(record));
        }
      }
      assertSame(seen, all);
    },
  ],
  [
    'S10: scan misses no record because another is deleted meanwhile',
    async (store) => {
      const all = await fill(store);
      const seen: string[] = [];
      for await (const batch of store.scan({ batchSize: 3 })) {
        for (const record of batch) {
          seen.push(...names([record]));
          if (record.provider === 'custom') await store.delete(record);
        }
      }
      assertSame(seen, all);
    },
  ],
  [
    'S10: a scan that is not read to its end leaves the store in order',
    async (store) => {
      const all = await fill(store);
      for (let n = 0; n < 20; n++) {
        for await (const batch of store.scan({ batchSize: 2 })) {
          assert.equal(batch.length, 2);
          break;
        }
      }
      assertSame(names((await scanned(store, {})).flat()), all);
    },
  ],
  [
    'S10: putMany and scan take more records than fit into a batch',
    async (store) => {
      const tenants = Array.from({ length: 250 }, (_, n) => `t${String(n).padStart(3, '0')}`);
      const writes = tenants.map((tenant) => ({ record: makeRecord(tenant), expected: null }));
      assertSame(
        await store.putMany(writes),
        tenants.map(() => true),
      );
      const batches = await scanned(store, {});
      assertSame(
        batches.flat(),
        writes.map(({ record }) => record),
      );
      assert.ok(batches.every((batch) => batch.length <= 100));
      assert.equal((await store.getMany(writes.map(({ record }) => record))).length, 250);
    },
  ],
];

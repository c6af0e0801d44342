import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isVaultError } from '../errors.ts';
import type { KeyEntry, KeyStore } from '../stores/key-store.ts';
import { assertSame, type ContractRunner, scanned } from './store-contract/target.ts';

/**
 * The key store to be checked.
 *
 * @public
 */
export interface KeyContractTarget {
  /** What the cases are grouped under. */
  readonly name: string;
  /** Gives a store that is empty; called once for each case. */
  open(): KeyStore | Promise<KeyStore>;
  /** Optional: another store over the data of the one opened last, as after a restart. */
  reopen?(): KeyStore | Promise<KeyStore>;
  /** Optional: a store that cannot reach its data, as with a wrong port or path. */
  unreachable?(): KeyStore | Promise<KeyStore>;
}

type KeyCase = readonly [
  name: string,
  run: (store: KeyStore, target: KeyContractTarget) => Promise<void>,
];

const freshEtag = () => randomBytes(12).toString('base64');

/** An entry as `TenantKeys` write it. */
function makeEntry(tenantId: string, current = 1, more: Record<string, unknown> = {}): KeyEntry {
  const keys = Array.from({ length: current }, (_, at) => ({
    number: at + 1,
    keyId: `t${at + 1}-0123abcd`,
    wrapper: 'kms:one/key',
    wrapped: randomBytes(60).toString('base64'),
    createdAt: new Date('2024-05-06T07:08:09.123Z'),
  }));
  return { tenantId, etag: freshEtag(), current, keys, ...more };
}

async function written(store: KeyStore, entry: KeyEntry): Promise<KeyEntry> {
  assert.equal(await store.put(entry, null), true);
  return entry;
}

const CASES: readonly KeyCase[] = [
  [
    'S2: returns nothing where nothing was put, and then what was put',
    async (store) => {
      assert.equal(await store.get('a'), undefined);
      assertSame((await scanned(store, {})).flat(), []);
      const erased = { at: new Date(0), through: 1 };
      const entry = makeEntry('a', 2, { erased, note: { deep: [1, 'two', null, true] } });
      await written(store, entry);
      assertSame(await store.get('a'), entry);
      assertSame((await scanned(store, {})).flat(), [entry]);
    },
  ],
  [
    'S2: keeps unknown members when what was read is put back changed',
    async (store) => {
      await written(store, makeEntry('a', 1, { note: 'mine' }));
      const read = (await store.get('a')) as KeyEntry;
      const next = { ...read, etag: freshEtag(), current: 0, keys: [] };
      assert.equal(await store.put(next, read.etag), true);
      assertSame(await store.get('a'), next);
      assert.equal((await store.get('a'))?.note, 'mine');
    },
  ],
  [
    'S2: the caller can change an entry it gave or got without changing the stored one',
    async (store) => {
      const given = makeEntry('a');
      const change = (entry: KeyEntry | undefined) => {
        assert.equal(entry?.keys[0]?.wrapper, 'kms:one/key');
        Object.assign(entry.keys[0] as object, { wrapper: 'changed' });
      };
      await written(store, given);
      change(given);
      change(await store.get('a'));
      for (const [entry] of await scanned(store, {})) change(entry);
      assert.equal((await store.get('a'))?.keys[0]?.wrapper, 'kms:one/key');
    },
  ],
  [
    'S1: tells tenants apart, however alike their names',
    async (store) => {
      const names = [
        'a',
        'A',
        'å',
        'a\u030a',
        'a ',
        ' a',
        'a/b',
        'a%2Fb',
        'a.b',
        '$a',
        'a'.repeat(128),
      ];
      const entries: KeyEntry[] = [];
      for (const name of names) entries.push(await written(store, makeEntry(name)));
      for (const entry of entries) assertSame(await store.get(entry.tenantId), entry);
      for (const name of ['b', 'a/', 'AA']) assert.equal(await store.get(name), undefined);
    },
  ],
  [
    'S3: put with null writes only where no entry is',
    async (store) => {
      const first = await written(store, makeEntry('a'));
      assert.equal(await store.put(makeEntry('a'), null), false);
      assertSame(await store.get('a'), first, 'S5: a lost write changes nothing');
    },
  ],
  [
    'S3: put writes only over the entry that has the expected etag',
    async (store) => {
      assert.equal(await store.put(makeEntry('a'), freshEtag()), false, 'there is no entry');
      assert.equal(await store.get('a'), undefined);
      const first = await written(store, { ...makeEntry('a'), etag: 'aB+/aB+/aB+/aB+/' });
      const others = ['AB+/aB+/aB+/aB+/', 'aB+/aB+/', 'aB./aB./aB./aB./', '', freshEtag()];
      for (const expected of others) {
        assert.equal(await store.put(makeEntry('a', 2), expected), false, expected);
      }
      assertSame(await store.get('a'), first, 'S5: a lost write changes nothing');
      const second = makeEntry('a', 2);
      assert.equal(await store.put(second, first.etag), true);
      assertSame(await store.get('a'), second, 'S8: what was replaced is gone');
      assert.equal(await store.put(makeEntry('a'), first.etag), false, 'the etag is gone');
    },
  ],
  [
    'S1: of many writes at the same time, one wins',
    async (store) => {
      let expected: string | null = null;
      for (let round = 0; round < 3; round++) {
        const entries = Array.from({ length: 20 }, () => makeEntry('a'));
        const results = await Promise.all(entries.map((entry) => store.put(entry, expected)));
        assert.equal(results.filter(Boolean).length, 1);
        const winner = entries[results.indexOf(true)] as KeyEntry;
        assertSame(await store.get('a'), winner);
        expected = winner.etag;
      }
    },
  ],
  [
    'S10: scan returns all entries in order, in batches, between two tenants',
    async (store) => {
      // By code point: U+10000 comes after U+FFFD, which `<` does not say.
      const highest = ['tenant-\uFFFD', 'tenant-\u{10000}'];
      const names = [...Array.from({ length: 23 }, (_, n) => `tenant-${n}`).sort(), ...highest];
      await Promise.all(names.map((name) => written(store, makeEntry(name))));
      const batches = await scanned(store, { batchSize: 10 });
      assert.ok(batches.every(({ length }) => length <= 10));
      const tenants = (read: KeyEntry[][]) => read.flat().map(({ tenantId }) => tenantId);
      assertSame(tenants(batches), names);
      const after = names[11] as string;
      assertSame(tenants(await scanned(store, { after })), names.slice(12));
      assertSame(tenants(await scanned(store, { after: `${after}-gone` })), names.slice(12));
      const [until = ''] = highest;
      assertSame(tenants(await scanned(store, { after, until })), names.slice(12, 24));
      assertSame(tenants(await scanned(store, { until: `${after}-gone` })), names.slice(0, 12));
    },
  ],
  [
    'S4: another store over the same data sees what was written',
    async (store, { reopen }) => {
      if (reopen === undefined) return;
      const first = await written(store, makeEntry('a'));
      const other = await reopen();
      assertSame(await other.get('a'), first);
      assert.equal(await other.put(makeEntry('a'), null), false);
      const second = makeEntry('a', 2);
      assert.equal(await other.put(second, first.etag), true);
      assertSame(await store.get('a'), second);
    },
  ],
  [
    'S7: a store that cannot reach its data says so, in a VaultError',
    async (_store, { unreachable }) => {
      const away = await unreachable?.();
      if (away === undefined) return;
      const calls = [
        () => away.get('a'),
        () => away.put(makeEntry('a'), null),
        () => away.put(makeEntry('a'), freshEtag()),
        () => scanned(away, {}),
      ];
      for (const call of calls) {
        await assert.rejects(
          call,
          (error) => isVaultError(error) && /^ERR_STORE_/.test(error.code),
        );
      }
    },
  ],
  [
    'S9: init can be called again, and at the same time',
    async (store) => {
      await written(store, makeEntry('a'));
      await Promise.all(Array.from({ length: 5 }, () => store.init?.()));
      assert.notEqual(await store.get('a'), undefined);
    },
  ],
];

/**
 * Registers the contract of a `KeyStore` with a test runner. What passes can keep the keys of
 * `TenantKeys`.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test';
 * describeKeyStore({ describe, it }, { name: 'MyKeyStore', open: () => new MyKeyStore() });
 * ```
 * @param runner - of any test library
 * @param target - how to get an empty store
 * @public
 */
export function describeKeyStore(runner: ContractRunner, target: KeyContractTarget): void {
  runner.describe(target.name, () => {
    for (const [name, run] of CASES) {
      runner.it(name, async () => run(await target.open(), target));
    }
  });
}

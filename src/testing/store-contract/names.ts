import assert from 'node:assert/strict';
import { assertSame, type ContractCase, makeRecord, names } from './target.ts';

// What a path, a query, a key of a map, a column of a database or an index may take for another.
const AWKWARD_NAMES = [
  ...['.', '..', '/', '$', '%', '*', '_', '-', ':', ',', '|', '#', '?', '&', '='],
  ...['a', 'A', 'aa', 'b', 'a b', ' a', 'a ', 'a/b', 'a.b', 'a:b', 'a_b', 'a-b', 'a%2Fb', '%2F'],
  ...['$ne', '$where', '{"$ne":null}', "';--", '"{}"', '\\', '\\n', '`', '$(a)'],
  ...['0', '00', '1', '01', '1.0', 'true', 'null', 'undefined', 'NaN'],
  ...['é', 'e\u0301', 'É', 'ß', 'ss', 'ı', 'i', 'I', '東京', '\u{1F511}', '\uFF21', '\u200Ba'],
  ...['default', 'x'.repeat(127), 'x'.repeat(128), `${'x'.repeat(127)}y`, '東'.repeat(128)],
];
const LONGEST = '東'.repeat(128);

/** Addresses. @internal */
export const namesCases: readonly ContractCase[] = [
  [
    'S1: tells tenants apart, however alike their names',
    (store) => tellsApart(store, (name) => ({ tenantId: name, provider: 'custom' })),
  ],
  [
    'S1: tells providers apart, however alike their names',
    (store) => tellsApart(store, (name) => ({ tenantId: 'a', provider: name })),
  ],
  [
    'S1: does not mistake the end of a tenant for the start of a provider',
    async (store) => {
      const refs = ['/', ':', '.', '_', '|', '%2F', ' '].flatMap((between) => [
        { tenantId: 'a', provider: `b${between}c` },
        { tenantId: `a${between}b`, provider: 'c' },
      ]);
      refs.push({ tenantId: 'ab', provider: 'c' }, { tenantId: 'a', provider: 'bc' });
      for (const { tenantId, provider } of refs) {
        assert.equal(await store.put(makeRecord(tenantId, provider), null), true);
      }
      assert.equal((await store.list('a')).length, 8);
      assertSame(names(await store.list('a/b')), ['a/b c']);
      for (const ref of refs) assertSame(names(await store.getMany([ref])), names([ref]));
    },
  ],
  [
    'S1: takes names of 128 characters',
    async (store) => {
      const record = makeRecord(LONGEST, LONGEST);
      assert.equal(await store.put(record, null), true);
      assertSame(await store.get(record), record);
      assert.equal(await store.delete(record), true);
    },
  ],
];

async function tellsApart(
  store: Parameters<ContractCase[1]>[0],
  refOf: (name: string) => { tenantId: string; provider: string },
): Promise<void> {
  const refs = AWKWARD_NAMES.map(refOf);
  for (const { tenantId, provider } of refs) {
    assert.equal(await store.put(makeRecord(tenantId, provider), null), true, `${tenantId}`);
  }
  for (const ref of refs) {
    const record = await store.get(ref);
    assertSame(record && names([record]), names([ref]));
  }
  assertSame(names(await store.getMany(refs)).sort(), names(refs).sort());
  const [first, ...others] = refs as [(typeof refs)[0], ...typeof refs];
  assert.equal(await store.delete(first), true);
  assertSame(names(await store.getMany(refs)).sort(), names(others).sort());
}

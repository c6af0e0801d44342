import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { isDate } from 'node:util/types';
import type { SecretRecord, SecretRef } from '../../record.ts';
import type { SecretStore } from '../../stores/secret-store.ts';

/**
 * The functions of a test runner that the contract needs: of vitest, jest, mocha or `node:test`.
 *
 * @public
 */
export interface ContractRunner {
  /** Groups cases. */
  describe(name: string, define: () => void): unknown;
  /** Registers one case. */
  it(name: string, run: () => Promise<void>): unknown;
}

/**
 * The store to be checked.
 *
 * @public
 */
export interface ContractTarget {
  /** What the cases are grouped under. */
  readonly name: string;
  /** Gives a store that is empty; called once for each case. */
  open(): SecretStore | Promise<SecretStore>;
  /** Optional: everything stored for `ref`, read behind the store's back: text, bytes or an object. */
  readRaw?(ref: SecretRef): unknown;
  /** Optional: another store over the data of the one opened last, as after a restart. */
  reopen?(): SecretStore | Promise<SecretStore>;
  /** Optional: a store that cannot reach its data, as with a wrong port or path. */
  unreachable?(): SecretStore | Promise<SecretStore>;
}

/** One case: its name, with the number of the rule, and what it does with an empty store. @internal */
export type ContractCase = readonly [
  name: string,
  run: (store: SecretStore, target: ContractTarget) => Promise<void>,
];

/** A record as a vault writes it, with a random IV. @internal */
export function makeRecord(
  tenantId: string,
  provider = 'custom',
  rev = 1,
  more: Record<string, unknown> = {},
): SecretRecord {
  const data = randomBytes(40).toString('base64');
  const at = new Date('2024-05-06T07:08:09.123Z');
  const metadata = { rev, keyId: '0123abcd', createdAt: at, updatedAt: at };
  return { tenantId, provider, data, metadata, ...more };
}

/** The address of a record, to compare sets of records by. @internal */
export function names(records: readonly SecretRef[]): string[] {
  return records.map(({ tenantId, provider }) => `${tenantId} ${provider}`);
}

/** The batches of a scan. @internal */
export async function scanned<Query, Item>(
  store: { scan(query: Query): AsyncIterable<Item[]> },
  query: Query,
): Promise<Item[][]> {
  const batches: Item[][] = [];
  for await (const batch of store.scan(query)) batches.push(batch);
  return batches;
}

/**
 * Deep equality, for values that may come from another realm: a test runner such as Jest runs
 * modules in a realm of its own, whose objects have other prototypes.
 *
 * @internal
 */
export function assertSame(actual: unknown, expected: unknown, message?: string): void {
  if (isSame(actual, expected)) return;
  assert.deepEqual(actual, expected, message); // for its message
  throw new assert.AssertionError({ actual, expected, message: message ?? 'The values differ.' });
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isDate(a) || isDate(b)) return isDate(a) && isDate(b) && a.getTime() === b.getTime();
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [definedEntries(a), definedEntries(b)];
  return (
    left.length === right.length &&
    left.every(([name, value]) => Object.hasOwn(b, name) && isSame(value, Reflect.get(b, name)))
  );
}

function definedEntries(object: object): [string, unknown][] {
  return Object.entries(object).filter(([, value]) => value !== undefined);
}

import type { SecretRecord } from '../../record/record.ts';
import type { SecretRef } from '../../record/ref.ts';
import type { ScanQuery, SecretStore } from '../../stores/secret-store.ts';

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
  /** Optional: all that is stored for `ref`, read behind the store's back: text, bytes or an object. */
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

let lastData = 0;

/** A record as a vault writes it; its data is different each time. @internal */
export function makeRecord(
  tenantId: string,
  provider = 'custom',
  rev = 1,
  more: Record<string, unknown> = {},
): SecretRecord {
  const data = Buffer.alloc(40, ++lastData).fill(`${lastData}`, 0).toString('base64');
  const at = new Date('2024-05-06T07:08:09.123Z');
  const metadata = { rev, keyId: '0123abcd', createdAt: at, updatedAt: at };
  return { tenantId, provider, data, metadata, ...more };
}

/** The address of a record, to compare sets of records by. @internal */
export function names(records: readonly SecretRef[]): string[] {
  return records.map(({ tenantId, provider }) => `${tenantId} ${provider}`);
}

/** The batches of a scan. @internal */
export async function scanned(store: SecretStore, query: ScanQuery): Promise<SecretRecord[][]> {
  const batches = [];
  for await (const batch of store.scan(query)) batches.push(batch);
  return batches;
}

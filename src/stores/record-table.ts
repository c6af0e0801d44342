import { isDate, isUint8Array } from 'node:util/types';
import {
  decodeRecord,
  etag,
  lookupEntries,
  refKey,
  type SecretRecord,
  type SecretRef,
} from '../record.ts';
import { compareRefs } from './order.ts';
import {
  assertParts,
  DEFAULT_SCAN_BATCH,
  rangesBetween,
  type ScanQuery,
  type ScanRange,
  type StoreLookup,
  type StoreReadOptions,
  type StoreWrite,
} from './secret-store.ts';

/**
 * Records by address, with the rules of a store: the content of the memory store, and the content
 * that the file store reads and writes as a whole.
 *
 * @internal
 */
export class RecordTable {
  readonly #records: Map<string, SecretRecord>;

  constructor(records: Iterable<SecretRecord> = []) {
    this.#records = new Map([...records].map((record) => [refKey(record), record]));
  }

  get size(): number {
    return this.#records.size;
  }

  get(ref: SecretRef, options?: StoreReadOptions): SecretRecord | undefined {
    const record = this.#records.get(refKey(ref));
    return record && copyForReader(record, options);
  }

  getMany(refs: readonly SecretRef[], options?: StoreReadOptions): SecretRecord[] {
    const keys = new Set(refs.map(refKey));
    const records = [...keys].flatMap((key) => this.#records.get(key) ?? []);
    return records.map((record) => copyForReader(record, options));
  }

  list(tenantId: string, options?: StoreReadOptions): SecretRecord[] {
    const records = this.#sorted((record) => record.tenantId === tenantId);
    return records.map((record) => copyForReader(record, options));
  }

  put({ record, expected }: StoreWrite): boolean {
    const key = refKey(record);
    const stored = this.#records.get(key);
    if ((stored === undefined ? null : etag(stored)) !== expected) return false;
    this.#records.set(key, copy(record));
    return true;
  }

  delete(ref: SecretRef, expected?: string): boolean {
    const key = refKey(ref);
    const stored = this.#records.get(key);
    if (stored === undefined) return false;
    if (expected !== undefined && etag(stored) !== expected) return false;
    return this.#records.delete(key);
  }

  /** The addresses that a scan goes through, in batches. */
  batches({ batchSize = DEFAULT_SCAN_BATCH, after, until, keyId }: ScanQuery): SecretRef[][] {
    const found = this.#sorted(
      (record) =>
        (after === undefined || compareRefs(record, after) > 0) &&
        (until === undefined || compareRefs(record, until) <= 0) &&
        (keyId === undefined || decodeRecord(record).keyId === keyId),
    );
    const batches: SecretRef[][] = [];
    for (let start = 0; start < found.length; start += batchSize) {
      batches.push(found.slice(start, start + batchSize));
    }
    return batches;
  }

  find({ provider, digests }: StoreLookup): string[] {
    const wanted = new Set(digests);
    const found = this.#sorted(
      (record) =>
        record.provider === provider &&
        lookupEntries(decodeRecord(record)).some((entry) => wanted.has(entry)),
    );
    return found.map(({ tenantId }) => tenantId);
  }

  split(parts: number): ScanRange[] {
    assertParts(parts);
    const all = this.all();
    const ranges = Math.max(1, Math.min(parts, all.length));
    const bounds = Array.from(
      { length: ranges - 1 },
      (_, at) => all[Math.round(((at + 1) * all.length) / ranges) - 1] as SecretRef,
    );
    return rangesBetween(bounds);
  }

  /** All records, by tenant and provider. They are not copies. */
  all(): readonly SecretRecord[] {
    return this.#sorted(() => true);
  }

  #sorted(wanted: (record: SecretRecord) => boolean): SecretRecord[] {
    return [...this.#records.values()].filter(wanted).sort(compareRefs);
  }
}

function copyForReader(record: SecretRecord, options?: StoreReadOptions): SecretRecord {
  if (options?.history !== false) return copy(record);
  const { history: _earlier, ...current } = record;
  return copy(current as SecretRecord);
}

// structuredClone is missing under jsdom, and makes objects of another realm under Jest.
function copy<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (isDate(value)) return new Date(value) as T;
  // Not value.slice(): the slice of a Buffer shares its memory.
  if (isUint8Array(value)) return Uint8Array.prototype.slice.call(value) as T;
  if (Array.isArray(value)) return value.map(copy) as T;
  // An instance of a class, such as an ObjectId, would lose its class in a copy.
  if (!isPlainObject(value)) return value;
  return mapMembers(value, (member) => (typeof member === 'object' ? copy(member) : member)) as T;
}

/** Whether a value is an object without a class, in whatever realm it was made. @internal */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @internal */
export function mapMembers(object: object, map: (member: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(object).map(([name, member]) => [name, map(member)]));
}

import { isDate } from 'node:util/types';
import { VaultError } from '../errors.ts';
import type { SecretRecord } from '../record/record.ts';

const FORMAT = 'provider-vault/1';

/**
 * A record as JSON can hold it: dates are `{ "$date": … }`, as in MongoDB's extended JSON. What
 * JSON would change or drop is refused, because it would not come back as it was put [R7].
 *
 * @throws VaultError `ERR_STORE_FAILED`
 * @internal
 */
export function toJsonRecord(record: SecretRecord): SecretRecord {
  return toJson(record) as SecretRecord;
}

/**
 * What {@link toJsonRecord} was given.
 *
 * @internal
 */
export function fromJsonRecord(record: SecretRecord): SecretRecord {
  return fromJson(record) as SecretRecord;
}

/** @internal */
export function formatRecords(records: readonly SecretRecord[]): string {
  return `${JSON.stringify({ format: FORMAT, records }, null, 2)}\n`;
}

/**
 * The records of a file, as {@link toJsonRecord} gave them.
 *
 * @throws VaultError `ERR_STORE_FAILED` when it is no such file, or was cut: it is never written over
 * @internal
 */
export function parseRecords(text: string, path: string): SecretRecord[] {
  try {
    const { format, records } = JSON.parse(text);
    if (format === FORMAT && Array.isArray(records) && records.every(isRecord)) return records;
  } catch {
    // No cause: the message of JSON.parse quotes the file.
  }
  throw new VaultError(
    'ERR_STORE_FAILED',
    `The file ${path} is no file of provider-vault, or it is damaged. It was left as it is.`,
  );
}

function isRecord(value: SecretRecord | null | undefined): boolean {
  return typeof value?.tenantId === 'string' && typeof value.provider === 'string';
}

function toJson(value: unknown): unknown {
  if (isDate(value)) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  if (Array.isArray(value)) return value.map((item) => toJson(item ?? null));
  if (isPlainObject(value)) {
    // An undefined member is none, as for JSON.
    const json = mapMembers(value, (member) => (member === undefined ? member : toJson(member)));
    return isMarked(json) ? { $literal: json } : json;
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Number.isFinite(value)) return value;
  throw new VaultError(
    'ERR_STORE_FAILED',
    'A record holds a value that a JSON file cannot keep. Dates, strings, numbers, booleans, null, arrays and plain objects are kept.',
  );
}

function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  const { $date, $literal } = value as { $date?: string | null; $literal?: object };
  if (isMarked(value) && $date !== undefined) return new Date($date ?? Number.NaN);
  return mapMembers(isMarked(value) && $literal !== undefined ? $literal : value, fromJson);
}

function mapMembers(object: object, map: (member: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(object).map(([name, member]) => [name, map(member)]));
}

function isPlainObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

// A stranger's object that looks like one of our marks is wrapped, so that it is not taken for one.
function isMarked(object: object): boolean {
  const [name, ...others] = Object.keys(object);
  return others.length === 0 && (name === '$date' || name === '$literal');
}

import { isDate } from 'node:util/types';
import { VaultError } from '../../errors.ts';
import type { SecretRecord } from '../../record.ts';
import { isPlainObject, mapMembers } from '../record-table.ts';

/**
 * What a file holds, in its first line, so that the keys cannot be taken for records.
 *
 * @internal
 */
export type FileFormat = 'provider-vault/1' | 'provider-vault-keys/1';

const HEAD = /^\{\s*"format": "provider-vault(?:-keys)?\/1",\s*"id": "([0-9a-f]{32})"/;

/** How many bytes of a file hold its id. @internal */
export const HEAD_BYTES = 128;

/**
 * A copy of a record as it will be read from the file.
 *
 * @throws VaultError `ERR_STORE_FAILED` for a value that JSON would change or drop [R7]
 * @internal
 */
export function asWritten(record: SecretRecord): SecretRecord {
  return fromJson(toJson(record)) as SecretRecord;
}

/**
 * @param id - 32 hex digits, which no other content has
 * @internal
 */
export function formatRecords(
  format: FileFormat,
  id: string,
  records: readonly SecretRecord[],
): string {
  return `${JSON.stringify({ format, id, records: records.map(toJson) }, null, 2)}\n`;
}

/** The id in the first bytes of a file; `undefined` in a file that was written by hand. @internal */
export function contentId(head: string): string | undefined {
  return HEAD.exec(head)?.[1];
}

/**
 * The records in the text of a file.
 *
 * @throws VaultError `ERR_STORE_FAILED` for another file or a damaged one; it is never overwritten
 * @internal
 */
export function parseRecords(text: string, path: string, expected: FileFormat): SecretRecord[] {
  try {
    const { format, records } = JSON.parse(text);
    if (format === expected && Array.isArray(records) && records.every(isRecord)) {
      return records.map((record) => fromJson(record) as SecretRecord);
    }
  } catch {
    // No cause: the message of JSON.parse quotes the file.
  }
  throw new VaultError(
    'ERR_STORE_FAILED',
    `The file ${path} was not written by provider-vault, holds ${expected === 'provider-vault/1' ? 'keys in the place of records' : 'records in the place of keys'}, or is damaged. It was left as it is.`,
  );
}

function isRecord(value: SecretRecord | null | undefined): boolean {
  return typeof value?.tenantId === 'string' && typeof value.provider === 'string';
}

/**
 * A value as JSON, from which {@link fromJson} makes an equal one. Dates are `{ "$date": … }`, as in
 * MongoDB's extended JSON.
 *
 * @throws VaultError `ERR_STORE_FAILED` for a value that JSON would change or drop [R7]
 * @internal
 */
export function toJson(value: unknown): unknown {
  if (isDate(value)) return { $date: Number.isNaN(value.getTime()) ? null : value.toISOString() };
  if (Array.isArray(value)) return value.map((item) => toJson(item ?? null));
  if (isPlainObject(value)) {
    // JSON drops undefined members.
    const json = mapMembers(value, (member) => (member === undefined ? member : toJson(member)));
    return isMarked(json) ? { $literal: json } : json;
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (Number.isFinite(value)) return value;
  throw new VaultError(
    'ERR_STORE_FAILED',
    'A record holds a value that JSON cannot keep. Dates, strings, numbers, booleans, null, arrays and plain objects are kept.',
  );
}

/** @internal */
export function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== 'object' || value === null) return value;
  if (!isMarked(value)) return mapMembers(value, fromJson);
  const { $date, $literal } = value as { $date?: string | null; $literal: object };
  return $date === undefined ? mapMembers($literal, fromJson) : new Date($date ?? Number.NaN);
}

// An object that happens to look like one of these marks is wrapped, to be told apart from them.
function isMarked(object: object): boolean {
  const [name, ...others] = Object.keys(object);
  return others.length === 0 && (name === '$date' || name === '$literal');
}

import { VaultError } from '../errors.ts';
import type { SecretRecord } from '../record/record.ts';

const FORMAT = 'provider-vault/1';

/**
 * The text of a file of records. Dates are `{ "$date": … }`, as in MongoDB's extended JSON, so that
 * they are dates again when they are read.
 *
 * @internal
 */
export function formatRecords(records: readonly SecretRecord[]): string {
  return `${JSON.stringify({ format: FORMAT, records }, dateOut, 2)}\n`;
}

/**
 * The records of a file.
 *
 * @throws VaultError `ERR_STORE_FAILED` when it is no such file, or was cut: it is never written over
 * @internal
 */
export function parseRecords(text: string, path: string): SecretRecord[] {
  try {
    const { format, records } = JSON.parse(text, dateIn);
    if (format === FORMAT && Array.isArray(records)) return records;
  } catch {
    // No cause: the message of JSON.parse quotes the file.
  }
  throw new VaultError(
    'ERR_STORE_FAILED',
    `The file ${path} is no file of provider-vault, or it is damaged. It was left as it is.`,
  );
}

// JSON.stringify has already called toJSON of a Date when it asks the replacer: look at the holder.
function dateOut(this: Record<string, unknown>, key: string, value: unknown): unknown {
  return this[key] instanceof Date ? { $date: value } : value;
}

function dateIn(_key: string, value: unknown): unknown {
  const date = (value as { $date?: unknown } | null)?.$date;
  const isDate = typeof date === 'string' && Object.keys(value as object).length === 1;
  return isDate ? new Date(date) : value;
}

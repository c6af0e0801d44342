import { keyNumber } from '../tenant-keys/entry.ts';

/** What every report of a long operation has. @internal */
export interface Report {
  /** Documents or records gone through. */
  scanned: number;
}

/** A report lists this many issues of each kind, and counts the rest. */
const MAX_LISTED = 1000;

/** The members of a report: counts, by any names, and lists; flags and texts are set at the end. */
type Tally = { [name: string]: number | string | boolean | readonly unknown[] | Tally };

/** Adds the counts and the lists of one batch to those of the whole. @internal */
export function addTally(whole: object, part: object): void {
  const sums = whole as Tally;
  for (const [name, value] of Object.entries(part) as [string, Tally[string]][]) {
    const sum = sums[name];
    if (typeof value === 'number') {
      sums[name] = ((sum as number | undefined) ?? 0) + value;
    } else if (Array.isArray(value)) {
      const list = sum as unknown[];
      list.push(...value.slice(0, MAX_LISTED - list.length));
    } else if (typeof value === 'object') {
      const inner = (sum as Tally | undefined) ?? {};
      sums[name] = inner;
      addTally(inner, value);
    }
  }
}

/**
 * The name of a record's key in reports: `none` where it names no key. A stored id may be any text;
 * one that every object has as a member is put in brackets.
 *
 * @internal
 */
export function keyName(keyId: unknown): string {
  if (typeof keyId !== 'string') return 'none';
  return keyId in Object.prototype ? `(${keyId})` : keyId;
}

/** {@link keyName}, for counts: the keys of all tenants that have the same number count as one [R5]. @internal */
export function keyGroup(keyId: unknown): string {
  const number = keyNumber(keyId);
  return number === undefined ? keyName(keyId) : `t${number}`;
}

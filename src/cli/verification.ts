import type { Keyring, VerificationCounts, VerificationReport } from 'provider-vault';
import { count } from './output.ts';

/** How many records, or earlier versions, cannot be opened or must not be. */
export function broken({ unknownKey, tampered, malformed, foreign }: VerificationCounts): number {
  return unknownKey + tampered + malformed + foreign;
}

/** Whether a rotation has something to do. */
export function needsRotation(report: VerificationReport, { keyIds }: Keyring): boolean {
  const [, ...decryptionOnly] = keyIds;
  const underOther = decryptionOnly.some((id) => report.keys[id] || report.historyKeys[id]);
  return underOther || report.unbound + report.history.unbound > 0;
}

/** The number of records and earlier versions that are bound to no tenant [R4], in words. */
export function unboundOf({ unbound, history }: VerificationReport): string {
  const versions = history.unbound > 0 ? [count(history.unbound, 'earlier version')] : [];
  const records = unbound > 0 || versions.length === 0 ? [count(unbound, 'record')] : [];
  return [...records, ...versions].join(' and ');
}

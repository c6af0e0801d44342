import type { VerificationCounts, VerificationReport } from 'provider-vault';
import type { OpenKeys } from './open-keys.ts';
import { count } from './output.ts';

/** How many records, or earlier versions, cannot be opened or must not be. */
export function broken({ unknownKey, tampered, malformed, foreign }: VerificationCounts): number {
  return unknownKey + tampered + malformed + foreign;
}

/** Whether a rotation has something to do. */
export function needsRotation(report: VerificationReport, { isOld }: OpenKeys): boolean {
  const ids = [...Object.keys(report.keys), ...Object.keys(report.historyKeys)];
  return ids.some(isOld) || report.unbound + report.history.unbound > 0;
}

/** The number of records and earlier versions that are bound to no tenant [R4], in words. */
export function unboundOf({ unbound, history }: VerificationReport): string {
  const versions = history.unbound > 0 ? [count(history.unbound, 'earlier version')] : [];
  const records = unbound > 0 || versions.length === 0 ? [count(unbound, 'record')] : [];
  return [...records, ...versions].join(' and ');
}

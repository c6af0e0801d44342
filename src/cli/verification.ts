import type { Keyring, VerificationReport } from 'provider-vault';
import { count } from './output.ts';

/** Records that cannot be opened, or must not be. @internal */
export function broken(report: VerificationReport): number {
  return report.unknownKey + report.tampered + report.malformed + report.foreign;
}

/** Whether a rotation has something to do. @internal */
export function needsRotation(report: VerificationReport, { keyIds }: Keyring): boolean {
  const [, ...decryptionOnly] = keyIds;
  const underOther = decryptionOnly.some((id) => report.keys[id] || report.historyKeys[id]);
  return underOther || !report.safeToRefuseUnbound;
}

/** What is bound to no tenant [R4], in words. @internal */
export function unboundOf({ unbound, history }: VerificationReport): string {
  const versions = history.unbound > 0 ? [count(history.unbound, 'earlier version')] : [];
  const records = unbound > 0 || versions.length === 0 ? [count(unbound, 'record')] : [];
  return [...records, ...versions].join(' and ');
}

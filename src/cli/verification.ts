import type { Keyring, VerificationReport } from 'provider-vault';

/** Records that cannot be opened, or must not be. @internal */
export function broken(report: VerificationReport): number {
  return report.unknownKey + report.tampered + report.malformed + report.foreign;
}

/** Whether a rotation has something to do. @internal */
export function needsRotation(report: VerificationReport, { keyIds }: Keyring): boolean {
  const [, ...decryptionOnly] = keyIds;
  const underOther = decryptionOnly.some((id) => report.keys[id] || report.historyKeys[id]);
  return underOther || report.unbound > 0 || report.history.unbound > 0;
}

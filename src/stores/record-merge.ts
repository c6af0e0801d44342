import { metadataOf, type SealedVersion, type SecretRecord, versionOf } from '../record/record.ts';

/**
 * The history of a record whose current version is being replaced: that version first, then the
 * earlier ones, at most `keep` in all.
 *
 * @internal
 */
export function historyAfter(replaced: SecretRecord, keep: number): readonly SealedVersion[] {
  const earlier = Array.isArray(replaced.history) ? replaced.history : [];
  return [versionOf(replaced), ...earlier].slice(0, keep);
}

/**
 * `next` written over `stored` by one who has not read it: `createdAt`, unknown members and the
 * history stay.
 *
 * @internal
 */
export function supersede(
  stored: SecretRecord | undefined,
  next: SecretRecord,
  keep: number,
): SecretRecord {
  if (stored === undefined) return next;
  const { history: _old, ...kept } = stored;
  const { updatedBy: _by, ...metadata } = metadataOf(stored);
  const history = historyAfter(stored, keep);
  return {
    ...kept,
    ...next,
    metadata: {
      ...metadata,
      ...next.metadata,
      ...(metadata.createdAt !== undefined && { createdAt: metadata.createdAt }),
    },
    ...(history.length > 0 && { history }),
  };
}

import type { SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';

/** A filter and an update for `updateOne`. @internal */
export interface ConditionalWrite {
  readonly filter: object;
  readonly update: object;
}

// The members of `metadata` that this library writes. All others are somebody else's [R7].
const METADATA_MEMBERS = ['rev', 'keyId', 'createdAt', 'updatedAt', 'updatedBy'] as const;

/**
 * The condition on `metadata.rev`; a record without one counts as rev 0 [R6].
 *
 * @internal
 */
export function revIs(rev: number): number | object {
  return rev === 0 ? { $not: { $gte: 1 } } : rev;
}

function atRevision({ tenantId, provider }: SecretRef, rev: number, id: unknown): object {
  return { ...(id !== undefined && { _id: id }), tenantId, provider, 'metadata.rev': revIs(rev) };
}

/**
 * For an upsert: writes `record` where there is none, and changes nothing where there is one.
 *
 * @internal
 */
export function insertion(record: SecretRecord): ConditionalWrite {
  const { tenantId, provider, ...members } = record;
  return {
    filter: { tenantId, provider },
    update: { $setOnInsert: { _id: idOf(record), ...members } },
  };
}

/**
 * Writes `record` over one of revision `expectedRev` (and of data `seen`), part by part: members
 * that this library does not know stay as they are in the database.
 *
 * @param id - the `_id` of the document, where it is known: the cheapest way to find it
 * @internal
 */
export function replacement(
  record: SecretRecord,
  expectedRev: number,
  seen: string | undefined,
  id: unknown,
): ConditionalWrite {
  const { data, metadata = {}, history } = record;
  const set: Record<string, unknown> = { data };
  const unset: Record<string, unknown> = {};
  const assign = (path: string, value: unknown) => {
    if (value === undefined) unset[path] = '';
    else set[path] = value;
  };
  assign('history', history);
  // A record of the old system may have any `metadata`, or null, in which no path can be set.
  if (expectedRev === 0) set.metadata = metadata;
  else for (const member of METADATA_MEMBERS) assign(`metadata.${member}`, metadata[member]);
  return {
    filter: { ...atRevision(record, expectedRev, id), ...(seen !== undefined && { data: seen }) },
    update: { $set: set, ...(Object.keys(unset).length > 0 && { $unset: unset }) },
  };
}

/**
 * {@link replacement} by one who has not read the record: the server itself moves what is replaced
 * into `history`, and keeps `createdAt`.
 *
 * @internal
 */
export function supersession(
  record: SecretRecord,
  expectedRev: number,
  keep: number,
  id: unknown,
): ConditionalWrite {
  const { data } = record;
  const { createdAt, ...metadata } = record.metadata ?? {};
  const replaced = {
    rev: { $ifNull: ['$metadata.rev', 0] },
    data: '$data',
    keyId: '$metadata.keyId',
    updatedAt: '$metadata.updatedAt',
    updatedBy: '$metadata.updatedBy',
  };
  const earlier = { $cond: [{ $isArray: ['$history'] }, '$history', []] };
  const history =
    keep === 0 ? '$$REMOVE' : { $slice: [{ $concatArrays: [[replaced], earlier] }, keep] };
  return {
    filter: atRevision(record, expectedRev, id),
    update: [
      { $set: { history } },
      { $unset: 'metadata.updatedBy' },
      {
        $set: {
          data: { $literal: data },
          // Later objects win, and a null is skipped: `createdAt` of the stored one is kept.
          metadata: {
            $mergeObjects: [{ createdAt }, '$metadata', { $literal: metadata }],
          },
        },
      },
    ],
  };
}

/**
 * The `_id` of a record's document: readable, and the same for every writer. Documents of the old
 * system have another.
 *
 * @internal
 */
export function idOf({ tenantId, provider }: SecretRef): string {
  return `${encodeURIComponent(tenantId)}/${encodeURIComponent(provider)}`;
}

/**
 * The address that {@link idOf} was made of; `undefined` for any other `_id`.
 *
 * @internal
 */
export function refOfId(id: unknown): SecretRef | undefined {
  const parts = typeof id === 'string' ? id.split('/') : [];
  if (parts.length !== 2) return undefined;
  try {
    const [tenantId = '', provider = ''] = parts.map(decodeURIComponent);
    return { tenantId, provider };
  } catch {
    return undefined; // somebody else's
  }
}

import { invalidArgument } from '../errors.ts';
import {
  decodeRecord,
  etag,
  METADATA_MEMBERS,
  type SecretRecord,
  type SecretRef,
} from '../record.ts';
import type { ScanRange } from '../stores/secret-store.ts';

/**
 * Only strings are addresses: the plaintext documents of a half-done migration, which lie in the
 * same collection, have neither member [L2], and a unique index over all documents could not be
 * built. It says `$gt: ''` rather than `$type`, because the query planner can prove that an equality
 * with a string implies it.
 *
 * @internal
 */
export const IS_RECORD = { tenantId: { $gt: '' }, provider: { $gt: '' } } as const;

/** @internal */
export const ADDRESS_KEYS = { tenantId: 1, provider: 1 } as const;

/** The filter for the records between two addresses. @internal */
export function rangeFilter({ after, until }: ScanRange): object {
  // The bounds on the tenant let the server begin and end inside the index.
  const outside = [
    ...(after ? [{ tenantId: after.tenantId, provider: { $lte: after.provider } }] : []),
    ...(until ? [{ tenantId: until.tenantId, provider: { $gt: until.provider } }] : []),
  ];
  return {
    ...IS_RECORD,
    tenantId: {
      ...IS_RECORD.tenantId,
      ...(after && { $gte: after.tenantId }),
      ...(until && { $lte: until.tenantId }),
    },
    ...(outside.length > 0 && { $nor: outside }),
  };
}

/**
 * Whether a document that the filter has found has an address: it lets an array pass that holds a
 * string, and `check` names such documents.
 *
 * @internal
 */
export function isAddress({ tenantId, provider }: SecretRef): boolean {
  return typeof tenantId === 'string' && typeof provider === 'string';
}

const BEGINS_WITH_ETAG = /^[A-Za-z0-9+/]{16}/;

/**
 * The filter for one address.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`: an operator or a missing value would match other documents
 * @internal
 */
export function addressFilter({ tenantId, provider }: SecretRef): SecretRef {
  if (typeof tenantId !== 'string' || typeof provider !== 'string') {
    throw invalidArgument('The tenantId and the provider of a record must be strings.');
  }
  return { tenantId, provider };
}

/**
 * The condition that the stored record has the etag `expected` [R6]. Every command that uses it
 * compares by code point. A range of strings is a prefix then, and takes a server half the time of
 * a regular expression.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`: without a condition a write would overwrite anything
 * @internal
 */
export function etagFilter(expected: string): object {
  if (typeof expected !== 'string') throw invalidArgument('An expected etag must be a string.');
  if (expected === '') return { data: { $not: BEGINS_WITH_ETAG } };
  // Anything but a whole etag must not match as a prefix.
  if (etag({ data: expected }) !== expected) return { data: { $in: [] } };
  const successor = String.fromCharCode(expected.charCodeAt(15) + 1);
  return { data: { $gte: expected, $lt: expected.slice(0, 15) + successor } };
}

/**
 * An upsert that inserts `record`, and leaves an existing record unchanged. The `_id` is derived
 * from the address, so that one of two racing inserts fails even without the index.
 *
 * @internal
 */
export function insertion(record: SecretRecord): { filter: object; update: object } {
  const { tenantId, provider, ...members } = record;
  return {
    filter: addressFilter(record),
    update: { $setOnInsert: { _id: idOf(record), ...members } },
  };
}

/**
 * The update that replaces a record part by part: members that this library does not know stay as
 * they are in the database [R7].
 *
 * @param stored - the record that the update's condition finds, where it is known: what is the same in
 * both is left out, which spares a server a fifth of the work; and unknown members that differ are
 * written, as a copy needs it
 * @internal
 */
export function replacement(record: SecretRecord, stored?: SecretRecord): object {
  const { data, history } = record;
  const { metadata } = decodeRecord(record); // which may be null or anything else [L3]
  const { metadata: before } = stored ?? {};
  const $set: Record<string, unknown> = { data };
  const $unset: Record<string, unknown> = {};
  const assign = (path: string, value: unknown, known: unknown) => {
    if (stored !== undefined && value === known) return;
    if (value === undefined) $unset[path] = '';
    else $set[path] = value;
  };
  assign('history', history, stored?.history);
  for (const member of METADATA_MEMBERS) {
    assign(`metadata.${member}`, metadata[member], before?.[member]);
  }
  if (stored !== undefined) {
    for (const member of unknownMembers(record, RECORD_MEMBERS)) {
      assign(member, record[member], stored[member]);
    }
    for (const member of unknownMembers(metadata, METADATA_MEMBERS)) {
      assign(`metadata.${member}`, metadata[member], before?.[member]);
    }
  }
  return { $set, ...(Object.keys($unset).length > 0 && { $unset }) };
}

const RECORD_MEMBERS = ['_id', 'tenantId', 'provider', 'data', 'metadata', 'history'];

/** Members that an update can name. */
function unknownMembers(object: object, known: readonly string[]): string[] {
  return Object.keys(object).filter((name) => !known.includes(name) && !/^$|^\$|\./.test(name));
}

/**
 * {@link replacement} with `metadata` as a whole: a record of the old system may hold null or anything
 * else in its place, in which no member can be set [L3].
 *
 * @internal
 */
export function wholeReplacement({ data, metadata = {}, history }: SecretRecord): object {
  const $set = { data, metadata };
  return history === undefined ? { $set, $unset: { history: '' } } : { $set: { ...$set, history } };
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
 * The address from which {@link idOf} derived an `_id`; `undefined` for any other `_id`.
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
    return undefined; // written by other software
  }
}

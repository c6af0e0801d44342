import { isDate } from 'node:util/types';

/**
 * The address of one record: one bundle of credentials per tenant and provider.
 *
 * @public
 */
export interface SecretRef {
  /** The tenant, 1–128 characters. The old system's tenant is `default`. */
  readonly tenantId: string;
  /** The provider's name, 1–128 characters: `twilio`, `sendgrid`, … */
  readonly provider: string;
}

/**
 * What a store keeps for one tenant and provider. Every write keeps the members that this library
 * does not know, of the record and of its metadata [R7].
 *
 * @public
 */
export interface SecretRecord extends SecretRef {
  /** `base64( iv[12] ‖ tag[16] ‖ ciphertext[n] )`, RFC 4648 §4 with padding [R1]. */
  readonly data: string;
  /** Absent in a record of the old system. */
  readonly metadata?: SecretMetadata;
  /** Earlier sealed versions, newest first. */
  readonly history?: readonly SealedVersion[];
  readonly [unknownMember: string]: unknown;
}

/**
 * What can be known of a record without opening it.
 *
 * @public
 */
export interface SecretMetadata {
  /** A positive integer, +1 on every write; a record without it counts as 0 [R6]. */
  readonly rev?: number;
  /** The id of the sealing key [R5]. */
  readonly keyId?: string;
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
  /** The `actor` of the last write. */
  readonly updatedBy?: string;
  /** Keyed digests of the fields by which `findTenants` finds the record. */
  readonly lookup?: readonly string[];
  /** When the credentials expire, where the provider's definition says which field tells. */
  readonly expiresAt?: Date;
  /** When they were renewed, if the last write was a renewal. */
  readonly renewedAt?: Date;
  readonly [unknownMember: string]: unknown;
}

/**
 * An earlier version of a record's content, sealed as it was.
 *
 * @public
 */
export interface SealedVersion {
  readonly rev: number;
  readonly keyId?: string;
  readonly data: string;
  readonly updatedAt?: Date;
  readonly updatedBy?: string;
}

/**
 * A record without its content.
 *
 * @public
 */
export interface SecretInfo extends SecretRef {
  /** Numbers the versions, for people; 0 for a record of the old system. */
  readonly rev: number;
  /** Opaque, and different after every write, a delete and a new first write included [R6]. */
  readonly etag: string;
  readonly keyId: string | undefined;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  /** The `actor` of the last write. */
  readonly updatedBy?: string;
  /** When the credentials expire, for a provider whose definition has `refresh`. */
  readonly expiresAt?: Date;
}

/**
 * A stored record, decoded once. Everything that needs a fact of a record takes it from here.
 *
 * @internal
 */
export interface RecordView {
  readonly ref: SecretRef;
  readonly record: SecretRecord;
  readonly data: string;
  readonly etag: string;
  /** The stored metadata, or `{}` where something else is stored in its place. */
  readonly metadata: SecretMetadata;
  readonly rev: number;
  readonly keyId: string | undefined;
}

/**
 * The members of `metadata` that this library writes; all others belong to other software [R7].
 *
 * @internal
 */
export const METADATA_MEMBERS = [
  'rev',
  'keyId',
  'createdAt',
  'updatedAt',
  'updatedBy',
  'expiresAt',
  'renewedAt',
  'lookup',
] as const;

const ETAG = /^[A-Za-z0-9+/]{16}/;

/**
 * The etag of a record [R6]: the first 16 characters of `data`, which are the random IV in base64;
 * `""` where `data` does not begin with 16 base64 characters. For authors of stores.
 *
 * @public
 */
export function etag(record: { readonly data?: unknown }): string {
  const { data } = record;
  return typeof data === 'string' && ETAG.test(data) ? data.slice(0, 16) : '';
}

/** @internal */
export function decodeRecord(record: SecretRecord): RecordView {
  const { tenantId, provider } = record;
  const stored: unknown = record.metadata;
  const isObject = typeof stored === 'object' && stored !== null && !Array.isArray(stored);
  const metadata: SecretMetadata = isObject ? (stored as SecretMetadata) : {};
  const { rev, keyId } = metadata;
  return {
    ref: { tenantId, provider },
    record,
    data: record.data,
    etag: etag(record),
    metadata,
    rev: Number.isSafeInteger(rev) && (rev as number) >= 1 ? (rev as number) : 0,
    keyId: typeof keyId === 'string' ? keyId : undefined,
  };
}

/** What a caller may know of a record; the dates are copies. @internal */
export function recordInfo({ ref, etag, metadata, rev, keyId }: RecordView): SecretInfo {
  const { createdAt, updatedAt, updatedBy, expiresAt } = metadata;
  return {
    tenantId: ref.tenantId,
    provider: ref.provider,
    rev,
    etag,
    keyId,
    createdAt: isDate(createdAt) ? new Date(createdAt) : undefined,
    updatedAt: isDate(updatedAt) ? new Date(updatedAt) : undefined,
    ...(typeof updatedBy === 'string' && { updatedBy }),
    ...(isDate(expiresAt) && { expiresAt: new Date(expiresAt) }),
  };
}

/** When a renewal wrote the record; `undefined` after any other write. @internal */
export function renewedAt({ metadata }: RecordView): Date | undefined {
  return isDate(metadata.renewedAt) ? metadata.renewedAt : undefined;
}

/** The current version of a record, as its history holds it once it is replaced. @internal */
export function currentVersion({ record, metadata, rev, keyId }: RecordView): SealedVersion {
  const { updatedAt, updatedBy } = metadata;
  return {
    rev,
    data: record.data,
    ...(keyId !== undefined && { keyId }),
    ...(updatedAt !== undefined && { updatedAt }),
    ...(updatedBy !== undefined && { updatedBy }),
  };
}

/** The earlier versions in a record; none where something else is stored in their place. @internal */
export function earlierVersions({ record }: RecordView): readonly SealedVersion[] {
  const history: unknown = record.history;
  if (!Array.isArray(history)) return [];
  return history.filter((version) => typeof version === 'object' && version !== null);
}

/** The digests by which a record is found; none where something else is stored in their place. @internal */
export function lookupEntries({ metadata }: RecordView): readonly string[] {
  const entries: unknown = metadata.lookup;
  return Array.isArray(entries) ? entries.filter((entry) => typeof entry === 'string') : [];
}

/** An address as the key of a map; no name holds a newline. @internal */
export function refKey({ tenantId, provider }: SecretRef): string {
  return `${tenantId}\n${provider}`;
}

/** A record in words. @internal */
export function recordLabel(ref: SecretRef): string {
  return `The record of tenant "${ref.tenantId}" for provider "${ref.provider}"`;
}

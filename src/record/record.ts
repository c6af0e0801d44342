import { types } from 'node:util';
import type { SecretRef } from './ref.ts';

/**
 * What a store keeps for one tenant and provider. Members that this library does not know, of the
 * record and of its metadata, are kept by every write [R7].
 *
 * @public
 */
export interface SecretRecord extends SecretRef {
  /** `base64( iv[12] ‖ tag[16] ‖ ciphertext[n] )`, RFC 4648 §4 with padding. */
  readonly data: string;
  /** Absent in a record of the old system. */
  readonly metadata?: SecretMetadata;
  /** Earlier sealed versions, newest first. */
  readonly history?: readonly SealedVersion[];
  readonly [unknownMember: string]: unknown;
}

/**
 * What is known of a record without opening it.
 *
 * @public
 */
export interface SecretMetadata {
  /** A positive integer, +1 on every write; a record without it counts as 0 [R6]. */
  readonly rev?: number;
  /** Fingerprint of the sealing key, 8 hex digits [R5]. */
  readonly keyId?: string;
  readonly createdAt?: Date;
  readonly updatedAt?: Date;
  /** The `actor` of the last write. */
  readonly updatedBy?: string;
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
  readonly rev: number;
  readonly keyId: string | undefined;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  readonly updatedBy?: string;
}

/**
 * The metadata of a record; of the old system's records none, or whatever somebody left there.
 *
 * @internal
 */
export function metadataOf(record: SecretRecord | undefined): SecretMetadata {
  const metadata: unknown = record?.metadata;
  const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  return isObject ? (metadata as SecretMetadata) : {};
}

/**
 * The revision of a record: 0 where the old system wrote none, or there is no record.
 *
 * @internal
 */
export function revOf(record: SecretRecord | undefined): number {
  const { rev } = metadataOf(record);
  return typeof rev === 'number' && rev >= 1 ? rev : 0;
}

/**
 * The id of the key that sealed a record, if it names one [R5].
 *
 * @internal
 */
export function keyIdOf(record: SecretRecord): string | undefined {
  const keyId: unknown = metadataOf(record).keyId;
  return typeof keyId === 'string' ? keyId : undefined;
}

/**
 * The current version of a record, as its history will hold it once it is replaced.
 *
 * @internal
 */
export function versionOf(record: SecretRecord): SealedVersion {
  const { updatedAt, updatedBy } = metadataOf(record);
  const keyId = keyIdOf(record);
  return {
    rev: revOf(record),
    data: record.data,
    ...(keyId !== undefined && { keyId }),
    ...(updatedAt !== undefined && { updatedAt }),
    ...(updatedBy !== undefined && { updatedBy }),
  };
}

/** @internal */
export function infoOf(record: SecretRecord): SecretInfo {
  const { createdAt, updatedAt, updatedBy } = metadataOf(record);
  return {
    tenantId: record.tenantId,
    provider: record.provider,
    rev: revOf(record),
    keyId: keyIdOf(record),
    createdAt: copyOf(createdAt),
    updatedAt: copyOf(updatedAt),
    ...(typeof updatedBy === 'string' && { updatedBy }),
  };
}

/** A date of one's own, whatever its holder does with it. */
function copyOf(date: Date | undefined): Date | undefined {
  return types.isDate(date) ? new Date(date) : undefined;
}

/**
 * The earlier versions in a record, if what is there is a history.
 *
 * @internal
 */
export function historyOf(record: SecretRecord): readonly SealedVersion[] {
  const history: unknown = record.history;
  if (!Array.isArray(history)) return [];
  return history.filter((version) => typeof version === 'object' && version !== null);
}

import type { SecretRecord, SecretRef } from '../record.ts';
import type { KeyEntry, KeyScanQuery } from './key-store.ts';
import type { ScanQuery } from './secret-store.ts';

// An entry is kept as a record whose `data` is the etag, so that the tables, files and conditions of
// records serve for keys, too.
const PROVIDER = '$key';

/** The address of the record that keeps a tenant's entry. @internal */
export function keyRef(tenantId: string): SecretRef {
  return { tenantId, provider: PROVIDER };
}

/** @internal */
export function toKeyRecord({ tenantId, etag, ...members }: KeyEntry): SecretRecord {
  return { ...members, ...keyRef(tenantId), data: etag };
}

/** @internal */
export function fromKeyRecord({ provider: _, data, ...members }: SecretRecord): KeyEntry {
  return { ...members, etag: data } as unknown as KeyEntry;
}

/** @internal */
export function toRecordQuery({ batchSize, after, until }: KeyScanQuery): ScanQuery {
  return {
    ...(batchSize !== undefined && { batchSize }),
    ...(after !== undefined && { after: keyRef(after) }),
    ...(until !== undefined && { until: keyRef(until) }),
  };
}

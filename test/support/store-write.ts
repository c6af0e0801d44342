import { randomBytes } from 'node:crypto';
import type { SecretRecord, StoreWrite } from 'provider-vault';

/** A record whose data is different each time. */
export function newRecord(
  tenantId: string,
  provider = 'custom',
  more: Partial<SecretRecord> = {},
): SecretRecord {
  const data = randomBytes(40).toString('base64');
  return { tenantId, provider, data, metadata: { rev: 1 }, ...more };
}

/** A write of such a record, by default a first one. */
export function write(
  tenantId: string,
  expected: string | null = null,
  provider = 'custom',
): StoreWrite {
  return { record: newRecord(tenantId, provider), expected };
}

import { randomBytes } from 'node:crypto';
import type { StoreWrite } from 'provider-vault';

/** A write of a record whose data is different each time. */
export function write(
  tenantId: string,
  expectedRev: number,
  seen?: string | null,
  provider = 'custom',
): StoreWrite {
  const data = randomBytes(40).toString('base64');
  const record = { tenantId, provider, data, metadata: { rev: expectedRev + 1 } };
  return { record, expectedRev, ...(seen !== undefined && { seen }) };
}

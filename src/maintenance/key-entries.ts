import { invalidArgument } from '../errors.ts';
import type { KeyEntry, KeyStore } from '../stores/key-store.ts';
import { type BatchHandling, batchSettings, forEachBatch, type ReadBatches } from './batches.ts';
import type { LongOperationOptions } from './long-operation.ts';
import type { Report } from './report.ts';

/**
 * {@link forEachBatch} over the entries of a key store, as they are stored. A `range` is one of
 * records: an entry belongs to the range in which its tenant's first record is or would be.
 *
 * @internal
 */
export async function forEachKeyEntry<R extends Report>(
  store: KeyStore,
  options: LongOperationOptions,
  { emptyReport, handle }: Pick<BatchHandling<KeyEntry, R>, 'emptyReport' | 'handle'>,
): Promise<R> {
  batchSettings(options); // malformed ones are rejected before anything begins
  const { range, after: start } = options;
  if (start !== undefined) tenantAt(start);
  const read: ReadBatches<KeyEntry> = (place, batchSize) => {
    const after = place === undefined ? range?.after?.tenantId : tenantAt(place);
    const until = range?.until?.tenantId;
    return store.scan({
      batchSize,
      ...(after !== undefined && { after }),
      ...(until !== undefined && { until }),
    });
  };
  return forEachBatch(read, options, {
    emptyReport,
    handle,
    placeOf: ({ tenantId }) => Buffer.from(JSON.stringify(tenantId)).toString('base64url'),
    tenantOf: ({ tenantId }) => tenantId,
  });
}

function tenantAt(place: string): string {
  try {
    const tenantId: unknown = JSON.parse(Buffer.from(place, 'base64url').toString());
    if (typeof tenantId === 'string') return tenantId;
  } catch {}
  throw invalidArgument('after must be a text that an OperationError of this operation held.');
}

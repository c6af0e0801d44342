import { invalidArgument } from '../errors.ts';
import type { KeyEntry, KeyStore } from '../stores/key-store.ts';
import { type BatchHandling, forEachBatch, type ReadBatches } from './batches.ts';
import type { LongOperationOptions } from './long-operation.ts';
import type { Report } from './report.ts';

/** {@link forEachBatch} over the entries of a key store, as they are stored. @internal */
export async function forEachKeyEntry<R extends Report>(
  store: KeyStore,
  options: LongOperationOptions,
  { emptyReport, handle }: Pick<BatchHandling<KeyEntry, R>, 'emptyReport' | 'handle'>,
): Promise<R> {
  if (options?.range !== undefined) {
    throw invalidArgument('range is about records. Share an operation on keys by part.');
  }
  if (options?.after !== undefined) tenantAt(options.after);
  const read: ReadBatches<KeyEntry> = (after, batchSize) =>
    store.scan({ batchSize, ...(after !== undefined && { after: tenantAt(after) }) });
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

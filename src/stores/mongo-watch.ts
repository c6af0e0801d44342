import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../errors.ts';
import type { SecretRef } from '../record/ref.ts';
import type { MongoChangeStream, MongoCollection } from './mongo-types.ts';
import { refOfId } from './mongo-writes.ts';

const REOPEN_AFTER_MS = 1_000;

// Only what tells the address: no ciphertext travels for this.
const PIPELINE = [
  {
    $project: {
      operationType: 1,
      documentKey: 1,
      'fullDocument.tenantId': 1,
      'fullDocument.provider': 1,
    },
  },
];

interface Change {
  readonly documentKey?: { readonly _id: unknown };
  readonly fullDocument?: { readonly tenantId?: unknown; readonly provider?: unknown } | null;
}

/**
 * Tells `listener` of every change in the collection, by a change stream. The driver resumes it after
 * a dropped connection. What it gives up is opened again, from then on, and `onGap` is told. So it is
 * of a change that names no record: a document of the old system was deleted, of which only the `_id`
 * is known then, or the collection was dropped.
 *
 * @returns a function that stops it
 * @throws the driver's error when the server has no change streams (one that is no replica set)
 * @internal
 */
export async function watchCollection(
  collection: MongoCollection,
  listener: (ref: SecretRef) => void,
  onGap: () => void,
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let stream: MongoChangeStream | undefined = await openStream(collection);

  const running = (async () => {
    while (stream !== undefined) {
      await untilItEnds(stream, (change) => {
        if (signal.aborted) return;
        const ref = refOfChange(change);
        if (ref === undefined) onGap();
        else listener(ref);
      });
      await stream.close().catch(() => {});
      stream = await reopen(collection, signal);
      if (stream !== undefined) onGap();
    }
  })();

  return async () => {
    stopping.abort();
    await stream?.close().catch(() => {}); // the server may be gone
    await running;
  };
}

async function untilItEnds(stream: MongoChangeStream, tell: (change: Change) => void) {
  for (;;) {
    const change = await stream.next().catch(() => undefined);
    if (change === undefined) return;
    tell(change);
  }
}

async function reopen(
  collection: MongoCollection,
  signal: AbortSignal,
): Promise<MongoChangeStream | undefined> {
  while (!signal.aborted) {
    const stream = await openStream(collection).catch(() => undefined);
    if (!signal.aborted && stream !== undefined) return stream;
    await stream?.close();
    await sleep(REOPEN_AFTER_MS, undefined, { ref: false, signal }).catch(() => {});
  }
  return undefined;
}

async function openStream(collection: MongoCollection): Promise<MongoChangeStream> {
  if (collection.watch === undefined) {
    throw new VaultError('ERR_STORE_FAILED', 'MongoDB: this collection has no change streams.');
  }
  const stream = collection.watch(PIPELINE, { fullDocument: 'updateLookup' });
  try {
    await stream.tryNext(); // nothing is sent to the server before
    return stream;
  } catch (error) {
    await stream.close().catch(() => {});
    throw error;
  }
}

function refOfChange({ documentKey, fullDocument }: Change): SecretRef | undefined {
  const { tenantId, provider } = fullDocument ?? {};
  if (typeof tenantId === 'string' && typeof provider === 'string') return { tenantId, provider };
  return refOfId(documentKey?._id);
}

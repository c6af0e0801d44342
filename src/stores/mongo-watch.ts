import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../errors.ts';
import type { SecretRef } from '../record/ref.ts';
import { storeError } from './mongo-errors.ts';
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
 * a dropped connection; what it gives up is opened again where it ended.
 *
 * Not told: that a document of the old system was deleted, because only its `_id` is known then.
 *
 * @returns a function that stops it
 * @throws VaultError when the server has no change streams (one that is no replica set)
 * @internal
 */
export async function watchCollection(
  collection: MongoCollection,
  listener: (ref: SecretRef) => void,
): Promise<() => Promise<void>> {
  let stopped = false;
  let stream = await openStream(collection, undefined);
  const running = (async () => {
    while (!stopped) {
      try {
        const ref = refOfChange((await stream.next()) as Change);
        if (ref !== undefined) listener(ref);
      } catch {
        if (stopped) return;
        await sleep(REOPEN_AFTER_MS, undefined, { ref: false });
        const after = stream.resumeToken;
        stream = await openStream(collection, after).catch(() => stream);
      }
    }
  })();
  return async () => {
    stopped = true;
    await stream.close();
    await running;
  };
}

async function openStream(
  collection: MongoCollection,
  resumeAfter: unknown,
): Promise<MongoChangeStream> {
  if (collection.watch === undefined) {
    throw new VaultError('ERR_STORE_FAILED', 'MongoDB: this collection has no change streams.');
  }
  const options = { fullDocument: 'updateLookup', ...(resumeAfter ? { resumeAfter } : {}) };
  const stream = collection.watch(PIPELINE, options);
  try {
    await stream.tryNext(); // nothing is sent to the server before
    return stream;
  } catch (error) {
    await stream.close().catch(() => {});
    throw storeError(error, 'watch');
  }
}

function refOfChange({ documentKey, fullDocument }: Change): SecretRef | undefined {
  const { tenantId, provider } = fullDocument ?? {};
  if (typeof tenantId === 'string' && typeof provider === 'string') return { tenantId, provider };
  return refOfId(documentKey?._id);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { VaultError } from '../errors.ts';
import type { SecretRef } from '../record.ts';
import type { MongoChangeStream, MongoCollection } from './types.ts';
import { refOfId } from './writes.ts';

const REOPEN_AFTER_MS = 1_000;
// The server answers within a second, changes or not. One that does not may be gone: the driver
// looks for another one for 30 seconds before it gives up the stream.
const ANSWERS_WITHIN_MS = 1_000;
const STALLED_AFTER_MS = 5_000;

// Only the address: no ciphertext travels for this.
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
  readonly operationType?: string;
  readonly documentKey?: { readonly _id: unknown };
  readonly fullDocument?: { readonly tenantId?: unknown; readonly provider?: unknown } | null;
}

/**
 * Reports every change in the collection to `listener`, by a change stream. The driver resumes the
 * stream after a dropped connection; a stream that the driver gives up is opened anew.
 *
 * `onGap` is called with a promise while the stream is down, and without one for a change that
 * names no record: a document of the old system was deleted, of which only the `_id` is known then,
 * or the collection was dropped.
 *
 * @returns a function that stops it
 * @throws the driver's error when the server has no change streams: it is not a replica set
 * @internal
 */
export async function watchCollection(
  collection: MongoCollection,
  read: object,
  listener: (ref: SecretRef) => void,
  onGap: (restored?: Promise<void>) => void,
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const open = () => openStream(collection, read);
  let opened = await open();

  const report = (change: Change) => {
    if (signal.aborted) return;
    const ref = refOfChange(change);
    if (ref === undefined) onGap();
    else listener(ref);
  };
  const running = (async () => {
    for (;;) {
      await readToEnd(opened, report, (restored) => signal.aborted || onGap(restored));
      await opened.stream.close().catch(() => {});
      if (signal.aborted) return;
      const reopened = reopen(open, signal);
      onGap(reopened.then(() => {}));
      opened = (await reopened) ?? opened;
    }
  })();

  return async () => {
    stopping.abort();
    await opened.stream.close().catch(() => {}); // the server may be gone
    await running;
  };
}

interface OpenStream {
  readonly stream: MongoChangeStream;
  readonly first: Promise<object | null>;
}

async function openStream(collection: MongoCollection, read: object): Promise<OpenStream> {
  if (collection.watch === undefined) {
    throw new VaultError('ERR_STORE_FAILED', 'MongoDB: this collection has no change streams.');
  }
  const stream = collection.watch(PIPELINE, {
    ...read,
    readConcern: { level: 'majority' }, // the only one that a change stream takes
    fullDocument: 'updateLookup',
    maxAwaitTimeMS: ANSWERS_WITHIN_MS,
  });
  // The first call opens the stream, and then waits for a change, a second at most.
  const isOpen = new Promise<void>((resolve) => stream.once('resumeTokenChanged', resolve));
  const first = stream.tryNext();
  try {
    await Promise.race([isOpen, first]);
    return { stream, first };
  } catch (error) {
    await stream.close().catch(() => {});
    throw error;
  }
}

async function reopen(
  open: () => Promise<OpenStream>,
  signal: AbortSignal,
): Promise<OpenStream | undefined> {
  while (!signal.aborted) {
    const opened = await open().catch(() => undefined);
    if (!signal.aborted && opened !== undefined) return opened;
    opened?.first.catch(() => {});
    await opened?.stream.close().catch(() => {});
    await sleep(REOPEN_AFTER_MS, undefined, { ref: false, signal }).catch(() => {});
  }
  return undefined;
}

async function readToEnd(
  { stream, first }: OpenStream,
  report: (change: Change) => void,
  onStall: (restored: Promise<void>) => void,
): Promise<void> {
  for (let next = first; ; next = stream.tryNext()) {
    const answer = next.catch(() => undefined);
    const stalled = setTimeout(() => onStall(answer.then(() => {})), STALLED_AFTER_MS);
    stalled.unref();
    const change: Change | null | undefined = await answer;
    clearTimeout(stalled);
    if (change) report(change);
    else if (change === undefined || stream.closed) return;
    if (change?.operationType === 'invalidate') return;
  }
}

function refOfChange({ documentKey, fullDocument }: Change): SecretRef | undefined {
  const { tenantId, provider } = fullDocument ?? {};
  if (typeof tenantId === 'string' && typeof provider === 'string') return { tenantId, provider };
  return refOfId(documentKey?._id);
}

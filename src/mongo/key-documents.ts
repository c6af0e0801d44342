import { VaultError } from '../errors.ts';
import { assertTenantId } from '../names.ts';
import type { KeyEntry, KeyScanQuery } from '../stores/key-store.ts';
import { DEFAULT_SCAN_BATCH } from '../stores/secret-store.ts';
import type { CommandOptions } from './command-options.ts';
import { isDuplicateKey } from './errors.ts';
import { batchesOf, type MongoRun } from './run.ts';
import type { MongoCollection } from './types.ts';

/** @internal */
export async function findEntry(
  collection: MongoCollection,
  { read }: CommandOptions,
  tenantId: string,
): Promise<KeyEntry | undefined> {
  assertTenantId(tenantId);
  const document = await collection.findOne({ _id: tenantId }, read);
  return document === null ? undefined : toEntry(document, tenantId);
}

/** The compare-and-set of a key store. @internal */
export async function putEntry(
  collection: MongoCollection,
  { read, write }: CommandOptions,
  entry: KeyEntry,
  expected: string | null,
): Promise<boolean> {
  const { tenantId, ...members } = entry;
  assertTenantId(tenantId);
  const filter = { _id: tenantId };
  if (expected !== null) {
    // An operator in the place of an etag would match any entry.
    const current = { ...filter, etag: String(expected) };
    return (await collection.updateOne(current, { $set: members }, write)).matchedCount === 1;
  }
  try {
    const insertion = { $setOnInsert: members };
    const result = await collection.updateOne(filter, insertion, { ...write, upsert: true });
    return result.upsertedCount === 1;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
  }
  if ((await collection.findOne(filter, read)) !== null) return false;
  throw new VaultError(
    'ERR_STORE_FAILED',
    `The keys of tenant "${tenantId}" cannot be stored: a document that is not theirs has their _id, or their place in a unique index.`,
  );
}

/** @internal */
export async function* scanEntries(run: MongoRun, query: KeyScanQuery): AsyncIterable<KeyEntry[]> {
  const { batchSize = DEFAULT_SCAN_BATCH, after = '', until } = query;
  const _id = { $gt: String(after), ...(until !== undefined && { $lte: String(until) }) };
  const find = async (collection: MongoCollection, { read }: CommandOptions) =>
    collection.find({ _id }, { ...read, sort: { _id: 1 }, batchSize });
  for await (const batch of batchesOf(run, 'scan of the keys', find)) {
    yield batch.map((document) => toEntry(document));
  }
}

// A server, proxy or plugin that disregards the collation would hand out another tenant's keys.
function toEntry(document: object, tenantId?: string): KeyEntry {
  const { _id, ...members } = document as { _id: unknown };
  if (tenantId !== undefined && _id !== tenantId) {
    throw new VaultError(
      'ERR_STORE_FAILED',
      'MongoDB returned the keys of another tenant than the one asked for.',
    );
  }
  return { ...members, tenantId: _id } as unknown as KeyEntry;
}

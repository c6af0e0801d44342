import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry, AuditSubject } from '../audit/audit-trail.ts';
import { VaultError } from '../errors.ts';
import { expiryOf, type ProviderDefinition } from '../providers/define-provider.ts';
import type { FieldMap } from '../providers/fields.ts';
import {
  currentVersion,
  decodeRecord,
  earlierVersions,
  etag,
  lookupEntries,
  type RecordView,
  recordLabel,
  type SealedVersion,
  type SecretMetadata,
  type SecretRecord,
  type SecretRef,
} from '../record.ts';
import type { StoreWrite } from '../stores/secret-store.ts';
import { abortError } from './audited.ts';
import type { WriteOptions } from './options.ts';
import { sealFields } from './seal.ts';
import type { VaultCore } from './vault-core.ts';

// A write that loses a race reads again and tries again, after a pause of random length, so that
// many writers of one record spread out. 64 tries outlast a hundred writers of one record.
const MAX_ATTEMPTS = 64;
const MAX_PAUSE_MS = 64;

// MongoDB's limit of a document is 16 MiB: a history of large values must not make a record
// unwritable. The oldest versions are dropped beyond this.
const MAX_HISTORY_CHARACTERS = 4 * 1024 * 1024;

/** The new content of a record. `history` replaces the earlier versions. @internal */
export interface NewContent {
  readonly fields: FieldMap;
  readonly history?: readonly SealedVersion[];
  /** Whether they were renewed rather than changed. */
  readonly renewed?: boolean;
  /** What the fields mean, where it is not the vault's own definition of the provider. */
  readonly definition?: ProviderDefinition | undefined;
}

/** Computes new content from the stored record; `undefined` leaves it as it is. @internal */
export type Produce = (
  stored: RecordView | undefined,
) => NewContent | undefined | Promise<NewContent | undefined>;

/**
 * Writes what `produce` makes of the stored record, as a compare-and-set. When another writer was
 * faster, `produce` is called again with the newer record.
 *
 * @returns the record after the call: the new one, or the stored one where nothing was written
 * @throws VaultError `ERR_CONFLICT` when the record does not match `ifMatch`, or stays contended
 * @internal
 */
export async function writeRecord(
  core: VaultCore,
  ref: SecretRef,
  options: WriteOptions,
  entry: AuditEntry,
  produce: Produce,
): Promise<RecordView | undefined> {
  const { ifMatch, signal, actor } = options;
  await core.importOnFirstUse?.(ref.tenantId);
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    // Where there must be no record, there is nothing to read.
    const record = ifMatch === null ? undefined : await core.store.get(ref);
    const stored = record && decodeRecord(record);
    if (typeof ifMatch === 'string' && ifMatch !== stored?.etag) throw conflict(ref);
    const content = await produce(stored);
    if (content === undefined) {
      if (ifMatch === null && (await core.store.get(ref)) !== undefined) throw conflict(ref);
      return stored;
    }
    const next = await nextRecord(core, ref, stored, content, actor);
    await entry.recordIntent({ rev: next.rev, keyId: next.keyId });
    if (signal?.aborted) throw abortError(signal);
    const put = () => core.store.put(next.record, stored === undefined ? null : stored.etag);
    if (await core.records.whileWriting(ref, put)) return next;
    if (ifMatch !== undefined) throw conflict(ref);
    await sleep(Math.random() * Math.min(2 ** attempt, MAX_PAUSE_MS));
  }
  throw new VaultError(
    'ERR_CONFLICT',
    `${recordLabel(ref)} was changed by others ${MAX_ATTEMPTS} times while it was written. Try again later.`,
  );
}

/** Removes a record, with its history. @internal */
export async function removeRecord(
  core: VaultCore,
  ref: SecretRef,
  { ifMatch, signal }: WriteOptions,
  entry: AuditEntry,
): Promise<boolean> {
  await core.importOnFirstUse?.(ref.tenantId); // otherwise a later import would bring it back
  await entry.recordIntent({});
  if (signal?.aborted) throw abortError(signal);
  if (ifMatch === null) {
    if ((await core.store.get(ref)) !== undefined) throw conflict(ref);
    return false;
  }
  const removed = await core.records.whileWriting(ref, () => core.store.delete(ref, ifMatch));
  if (!removed && ifMatch !== undefined) throw conflict(ref);
  return removed;
}

/** The record that follows `stored`: new content; all other members stay [R7]. @internal */
export async function nextRecord(
  core: VaultCore,
  ref: SecretRef,
  stored: RecordView | undefined,
  content: NewContent,
  actor: string | undefined,
): Promise<RecordView> {
  const { fields, history = stored ? historyAfter(stored, core.historySize) : [] } = content;
  const { definition = core.registry.find(ref.provider) } = content;
  const lookup = await lookupAfter(core, ref, definition, stored, fields);
  const rev = (stored?.rev ?? 0) + 1;
  const { data, keyId } = await sealFields(core, ref, rev, fields);
  const at = core.now();
  const { updatedBy: _replaced, renewedAt: _past, expiresAt, ...rest } = stored?.metadata ?? {};
  const { lookup: _earlierLookup, ...kept } = rest;
  // A writer that does not know what the fields mean leaves the date.
  const expiry = definition?.refresh ? expiryOf(definition.refresh, fields) : expiresAt;
  const metadata: SecretMetadata = {
    ...kept,
    rev,
    keyId,
    createdAt: kept.createdAt ?? at,
    updatedAt: at,
    ...(actor !== undefined && { updatedBy: actor }),
    ...(lookup !== undefined && { lookup }),
    ...(expiry !== undefined && { expiresAt: expiry }),
    ...(content.renewed && { renewedAt: at }),
  };
  const { history: _earlier, ...members } = stored?.record ?? {};
  const record: SecretRecord = {
    ...members,
    tenantId: ref.tenantId,
    provider: ref.provider,
    data,
    metadata,
    ...(history.length > 0 && { history }),
  };
  return { ref, record, data, etag: etag(record), metadata, rev, keyId };
}

let lookups: Promise<typeof import('./lookup.ts')> | undefined;

/**
 * {@link nextLookup}, which is loaded for providers with lookup fields only: others get no promise.
 *
 * @internal
 */
export function lookupAfter(
  core: VaultCore,
  ref: SecretRef,
  definition: ProviderDefinition | undefined,
  stored: RecordView | undefined,
  fields: FieldMap,
  before?: FieldMap,
): Promise<readonly string[] | undefined> | undefined {
  const has = Object.values(definition?.fields ?? {}).some(({ lookup }) => lookup);
  if (!has && (stored === undefined || lookupEntries(stored).length === 0)) return undefined;
  lookups ??= import('./lookup.ts'); // even of a loaded module, an import costs as much as a seal
  return lookups.then(({ nextLookup }) =>
    nextLookup(core, definition, stored, ref.provider, fields, before),
  );
}

/** The current version first, then the earlier ones: at most `size`, and 4 MiB in all. */
function historyAfter(stored: RecordView, size: number): SealedVersion[] {
  let characters = 0;
  return [currentVersion(stored), ...earlierVersions(stored)].slice(0, size).filter(({ data }) => {
    characters += typeof data === 'string' ? data.length : 0;
    return characters <= MAX_HISTORY_CHARACTERS;
  });
}

/** One of many writes, and what the audit trail says of it. @internal */
export interface AuditedWrite {
  readonly write: StoreWrite;
  readonly subject: AuditSubject;
}

/**
 * Many writes in as few round trips as the store can; each leaves an event, and is dropped from the
 * cache. In strict mode nothing is written unless the events of all are kept.
 *
 * @returns which of them were done; the others have lost to another writer
 * @internal
 */
export async function writeMany(
  core: VaultCore,
  writes: readonly AuditedWrite[],
): Promise<boolean[]> {
  const { trail } = core;
  if (writes.length === 0) return [];
  if (!trail.listened) return putAll(core, writes);
  const intents: Promise<void>[] = [];
  const writing = Promise.resolve().then(async () => {
    await Promise.allSettled(intents); // all of them, so that no event precedes its opposite
    await Promise.all(intents);
    return putAll(core, writes);
  });
  const events = writes.map(({ write: { record }, subject }, at) =>
    trail.run(subject, async (entry) => {
      intents.push(
        entry.recordIntent({ rev: record.metadata?.rev, keyId: record.metadata?.keyId }),
      );
      if (!(await writing)[at]) throw conflict(record);
    }),
  );
  await Promise.allSettled(events);
  return writing;
}

async function putAll({ store, records }: VaultCore, writes: readonly AuditedWrite[]) {
  try {
    return await store.putMany(writes.map(({ write }) => write));
  } finally {
    for (const { write } of writes) {
      records.invalidate(write.record.tenantId, write.record.provider);
    }
  }
}

function conflict(ref: SecretRef): VaultError {
  return new VaultError(
    'ERR_CONFLICT',
    `${recordLabel(ref)} was changed by somebody else. Read it again and retry.`,
  );
}

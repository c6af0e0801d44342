import type { AuditSubject } from '../audit/audit-trail.ts';
import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { type AuditedWrite, nextRecord, writeMany } from '../core/write.ts';
import { recordErrorCodeOrThrow } from '../errors.ts';
import { emptyFields, type FieldMap, MAX_BUNDLE_BYTES } from '../providers/fields.ts';
import { decodeRecord, type RecordView, refKey, type SecretRef } from '../record.ts';
import { isTenantErased } from '../tenant-keys/entry.ts';
import type { EarlierFields } from './earlier-fields.ts';
import type { PlaintextField } from './plaintext.ts';

/** What happens to one plaintext field. @internal */
export type Outcome = { readonly item: PlaintextField } & (
  | { readonly verdict: 'migrated' | 'unchanged' }
  | { readonly verdict: 'conflict' | 'failed'; readonly reason: string }
);

/** The plaintext fields that belong in one record, and what happens to them. @internal */
export interface PendingRecord {
  readonly ref: SecretRef;
  readonly items: PlaintextField[];
  outcomes: readonly Outcome[];
  /** Why none of the fields could be imported: the code of a `VaultError`, or a few words. */
  failure?: string | undefined;
}

/** @internal */
export interface ImportOptions {
  readonly actor?: string | undefined;
  /** Of a dry run, which writes nothing: what it would have written before. */
  readonly earlier?: EarlierFields | undefined;
}

/** What is stored at the address of a pending record; a `failure` if that is unknown. */
type Content =
  | { readonly fields: FieldMap; readonly view: RecordView | undefined }
  | { readonly failure: string };

const MAX_ATTEMPTS = 20;

/**
 * Imports plaintext fields into their records: the one code path of first use, of the long
 * operation and of its dry run. Each record is written by a compare-and-set. If another writer was
 * faster, the fields are planned again from the record that it left.
 *
 * @internal
 */
export async function importFields(
  core: VaultCore,
  items: readonly PlaintextField[],
  options: ImportOptions,
): Promise<PendingRecord[]> {
  const records = pendingRecords(items);
  let open = records;
  for (let attempt = 0; open.length > 0 && attempt < MAX_ATTEMPTS; attempt++) {
    const contents = await readContents(core, open, options.earlier === undefined);
    const plans = await Promise.all(
      open.map((pending, at) => plan(core, pending, contents[at] as Content, options)),
    );
    const writes = plans.filter((write) => write !== undefined);
    const done = await writeMany(core, writes);
    const lost = new Set(writes.filter((_, at) => !done[at]));
    open = open.filter((_, at) => lost.has(plans[at] as AuditedWrite));
  }
  for (const pending of open) fail(pending, 'ERR_CONFLICT');
  return records;
}

function pendingRecords(items: readonly PlaintextField[]): PendingRecord[] {
  const records = new Map<string, PendingRecord>();
  for (const item of items) {
    const { tenantId, provider } = item;
    const key = refKey(item);
    const pending = records.get(key);
    if (pending) pending.items.push(item);
    else records.set(key, { ref: { tenantId, provider }, items: [item], outcomes: [] });
  }
  return [...records.values()];
}

/** Decides about each field, and seals the record that is to be written. */
async function plan(
  core: VaultCore,
  pending: PendingRecord,
  content: Content,
  { actor, earlier }: ImportOptions,
): Promise<AuditedWrite | undefined> {
  if ('failure' in content) {
    fail(pending, content.failure);
    return undefined;
  }
  const { ref } = pending;
  if (await isTenantErased(core.keys, ref.tenantId)) {
    fail(pending, 'ERR_KEY_ERASED');
    return undefined;
  }
  const { outcomes, fields } = planFields(pending, content.fields, earlier);
  pending.outcomes = outcomes;
  const migrated = outcomes.filter(({ verdict }) => verdict === 'migrated');
  if (migrated.length === 0 || earlier !== undefined) return undefined;
  const subject: AuditSubject = {
    action: 'migrate',
    ...ref,
    fields: migrated.map(({ item }) => item.field),
    source: 'settings',
    actor,
  };
  try {
    const { record } = await nextRecord(core, ref, content.view, { fields }, actor);
    const { view } = content;
    return { write: { record, expected: view?.etag ?? null, stored: view?.record }, subject };
  } catch (error) {
    fail(pending, recordErrorCodeOrThrow(error)); // as the key of an erased tenant
    return undefined;
  }
}

/**
 * The stored value wins; of several plaintext values of one field, the first.
 *
 * @returns the outcomes, and all fields that the record is to have
 */
function planFields(
  { ref, items }: Pick<PendingRecord, 'ref' | 'items'>,
  stored: FieldMap,
  earlier?: EarlierFields,
): { outcomes: Outcome[]; fields: FieldMap } {
  const fields = Object.assign(emptyFields(), stored);
  let bytes = Object.values(fields).reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  bytes += earlier?.bytesAdded(ref) ?? 0;
  const outcomes = items.map((item): Outcome => {
    const { field, value } = item;
    const present = fields[field]?.trim();
    const same = present ? present === value : earlier?.hasValue(item);
    if (same === true) return { item, verdict: 'unchanged' };
    if (same === false) {
      return { item, verdict: 'conflict', reason: 'the vault holds another value' };
    }
    const added = Buffer.byteLength(value) - Buffer.byteLength(fields[field] ?? '');
    if (bytes + added > MAX_BUNDLE_BYTES) {
      const reason = `with field "${field}" the record would have ${bytes + added} bytes; it may have at most ${MAX_BUNDLE_BYTES}`;
      return { item, verdict: 'failed', reason };
    }
    bytes += added;
    fields[field] = value;
    earlier?.add(item, added);
    return { item, verdict: 'migrated' };
  });
  return { outcomes, fields };
}

function fail(pending: PendingRecord, reason: string): void {
  pending.failure = reason;
  pending.outcomes = pending.items.map((item) => ({ item, verdict: 'failed', reason }));
}

/** The fields whose value is stored, sealed and readable: read back, not assumed. @internal */
export async function readBack(
  core: VaultCore,
  records: readonly PendingRecord[],
): Promise<PlaintextField[]> {
  const kept = records.filter(({ failure }) => failure === undefined);
  const contents = await readContents(core, kept, false);
  return kept.flatMap(({ items }, at) => {
    const content = contents[at] as Content;
    if ('failure' in content) return [];
    return items.filter(({ field, value }) => content.fields[field]?.trim() === value);
  });
}

/** What is stored at the addresses of `records`, in one round trip. */
async function readContents(
  core: VaultCore,
  records: readonly PendingRecord[],
  history: boolean,
): Promise<Content[]> {
  const refs = records.map(({ ref }) => ref);
  const found = new Map<string, RecordView>();
  const duplicates = new Set<string>();
  for (const record of await core.store.getMany(refs, { history })) {
    const key = refKey(record);
    if (found.has(key)) duplicates.add(key);
    found.set(key, decodeRecord(record));
  }
  return Promise.all(
    refs.map(async (ref): Promise<Content> => {
      const key = refKey(ref);
      const view = found.get(key);
      if (view === undefined) return { fields: emptyFields(), view };
      if (duplicates.has(key)) return { failure: 'several documents hold this record' };
      try {
        return { fields: (await openVersion(core, view.ref, view)).fields, view };
      } catch (error) {
        return { failure: recordErrorCodeOrThrow(error) };
      }
    }),
  );
}

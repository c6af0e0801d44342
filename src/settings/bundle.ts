import type { AuditSubject } from '../audit/audit-trail.ts';
import { codeOf } from '../errors.ts';
import { emptyFields, type FieldMap, matches } from '../providers/fields.ts';
import type { ProviderRegistry } from '../providers/registry.ts';
import { revOf, type SecretRecord } from '../record/record.ts';
import { addressOf, type SecretRef } from '../record/ref.ts';
import type { SecretStore, StoreWrite } from '../stores/secret-store.ts';
import type { PlaintextField } from './plaintext.ts';

/** What moving plaintext into a vault needs of its core. @internal */
export interface RecordWriter {
  readonly store: SecretStore;
  readonly registry: ProviderRegistry;
  readonly sealer: { openRecord(record: SecretRecord): Promise<{ readonly fields: FieldMap }> };
  reseal(
    ref: SecretRef,
    stored: SecretRecord | undefined,
    fields: FieldMap,
    actor: undefined,
  ): Promise<SecretRecord>;
  putMany(writes: readonly { write: StoreWrite; subject: AuditSubject }[]): Promise<boolean[]>;
}

/** What becomes of one plaintext field. @internal */
export type Verdict = 'migrated' | 'unchanged' | 'conflict' | 'failed';

/** A plaintext field with its verdict. @internal */
export interface Judged {
  readonly item: PlaintextField;
  readonly verdict: Verdict;
  readonly reason?: string;
}

/** The plaintext fields of one record to be, and what became of them. @internal */
export interface Bundle {
  readonly ref: SecretRef;
  readonly items: readonly PlaintextField[];
  judged: readonly Judged[];
}

/** The fields of `items`, by the record they belong to. @internal */
export function bundlesOf(items: readonly PlaintextField[]): Bundle[] {
  const bundles = new Map<string, { ref: SecretRef; items: PlaintextField[]; judged: Judged[] }>();
  for (const item of items) {
    const ref = { tenantId: item.tenantId, provider: item.provider };
    const bundle = bundles.get(addressOf(ref)) ?? { ref, items: [], judged: [] };
    bundle.items.push(item);
    bundles.set(addressOf(ref), bundle);
  }
  return [...bundles.values()];
}

/** What a record holds: its fields, or why it cannot be opened. @internal */
export type Content = { fields: FieldMap } | { reason: string };

/** @internal */
export async function contentOf(
  writer: RecordWriter,
  record: SecretRecord | undefined,
): Promise<Content> {
  if (record === undefined) return { fields: emptyFields() };
  try {
    return { fields: (await writer.sealer.openRecord(record)).fields };
  } catch (error) {
    return { reason: codeOf(error) };
  }
}

/**
 * What the vault has wins; of several plaintext values of one field, the first.
 *
 * @returns the verdicts, and the fields that the record would have then
 * @internal
 */
export function judge(
  items: readonly PlaintextField[],
  content: Content,
): { judged: Judged[]; fields: FieldMap } {
  if ('reason' in content) {
    return { judged: failedItems(items, content.reason), fields: emptyFields() };
  }
  const fields = Object.assign(emptyFields(), content.fields);
  const judged = items.map((item): Judged => {
    const present = fields[item.field];
    if (!present) {
      fields[item.field] = item.value;
      return { item, verdict: 'migrated' };
    }
    if (present.trim() === item.value) return { item, verdict: 'unchanged' };
    return conflictOf(item);
  });
  return { judged, fields };
}

function failedItems(items: readonly PlaintextField[], reason: string): Judged[] {
  return items.map((item) => ({ item, verdict: 'failed', reason }));
}

/** @internal */
export function conflictOf(item: PlaintextField): Judged {
  return { item, verdict: 'conflict', reason: 'the vault holds another value' };
}

const MAX_ATTEMPTS = 20;

/**
 * Writes the bundles, each as a compare-and-set. One that loses is judged again by what the other
 * writer left.
 *
 * @internal
 */
export async function writeBundles(
  writer: RecordWriter,
  bundles: readonly Bundle[],
): Promise<void> {
  let open = bundles;
  for (let attempt = 1; open.length > 0; attempt++) {
    const stored = await recordsOf(writer, open);
    const planned = await Promise.all(
      open.map(async (bundle) => {
        const record = stored.get(addressOf(bundle.ref));
        const { judged, fields } = judge(bundle.items, await contentOf(writer, record));
        bundle.judged = judged;
        const migrated = judged.filter(({ verdict }) => verdict === 'migrated');
        if (migrated.length === 0) return [];
        const next = await writer.reseal(bundle.ref, record, fields, undefined);
        const write = { record: next, expectedRev: revOf(record), seen: record?.data ?? null };
        return [{ bundle, write, subject: subjectOf(bundle.ref, migrated) }];
      }),
    );
    const writes = planned.flat();
    const done = await writer.putMany(writes);
    open = writes.filter((_, at) => !done[at]).map(({ bundle }) => bundle);
    if (attempt < MAX_ATTEMPTS) continue;
    for (const bundle of open) bundle.judged = failedItems(bundle.items, 'ERR_CONFLICT');
    return;
  }
}

function subjectOf(ref: SecretRef, migrated: readonly Judged[]): AuditSubject {
  const fields = migrated.map(({ item }) => item.field);
  return { action: 'migrate', ...ref, fields, source: 'settings' };
}

/**
 * The items of `bundles` whose value the store holds, sealed and readable: read back, not believed.
 *
 * @internal
 */
export async function readBack(
  writer: RecordWriter,
  bundles: readonly Bundle[],
): Promise<PlaintextField[]> {
  const stored = await recordsOf(writer, bundles);
  const held: PlaintextField[] = [];
  for (const { ref, judged } of bundles) {
    const content = await contentOf(writer, stored.get(addressOf(ref)));
    if ('reason' in content) continue;
    for (const { item, verdict } of judged) {
      const kept = verdict === 'migrated' || verdict === 'unchanged';
      if (kept && content.fields[item.field]?.trim() === item.value) held.push(item);
    }
  }
  return held;
}

/**
 * The records of the tenants that the bundles are about. One query per tenant, side by side: each is
 * answered from the index, whatever the number of tenants.
 *
 * @internal
 */
export async function recordsOf(
  writer: RecordWriter,
  bundles: readonly Bundle[],
): Promise<Map<string, SecretRecord>> {
  const tenantIds = new Set(bundles.map(({ ref }) => ref.tenantId));
  const records = await Promise.all([...tenantIds].map((tenantId) => writer.store.list(tenantId)));
  return new Map(records.flat().map((record) => [addressOf(record), record]));
}

/** Whether the value has a form that a write through the vault would refuse. @internal */
export function isOddlyFormed(
  writer: RecordWriter,
  { provider, field, value }: PlaintextField,
): boolean {
  const pattern = writer.registry.resolve(provider).definition?.fields[field]?.pattern;
  return pattern !== undefined && !matches(pattern, value);
}

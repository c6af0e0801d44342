import type { AuditEvent } from '../audit/audit-event.ts';
import { emptyFields, type FieldMap, matches } from '../providers/fields.ts';
import { infoOf, revOf, type SecretRecord } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import type { StoreWrite } from '../stores/secret-store.ts';
import type { VaultCore } from '../vault/vault-core.ts';
import { addressOf, reasonOf } from './long-operation.ts';
import type { PlaintextField } from './plaintext.ts';

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
  core: VaultCore,
  record: SecretRecord | undefined,
): Promise<Content> {
  if (record === undefined) return { fields: emptyFields() };
  try {
    return { fields: (await core.sealer.openRecord(record)).fields };
  } catch (error) {
    return { reason: reasonOf(error) };
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
    const { reason } = content;
    const judged = items.map((item): Judged => ({ item, verdict: 'failed', reason }));
    return { judged, fields: emptyFields() };
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
export async function writeBundles(core: VaultCore, bundles: readonly Bundle[]): Promise<void> {
  let open = bundles;
  for (let attempt = 1; open.length > 0; attempt++) {
    const stored = await recordsOf(core, open);
    const writes: { bundle: Bundle; write: StoreWrite }[] = [];
    for (const bundle of open) {
      const record = stored.get(addressOf(bundle.ref));
      const { judged, fields } = judge(bundle.items, await contentOf(core, record));
      bundle.judged = judged;
      if (!judged.some(({ verdict }) => verdict === 'migrated')) continue;
      const next = await core.reseal(bundle.ref, record, fields, undefined);
      const seen = record?.data ?? null;
      writes.push({ bundle, write: { record: next, expectedRev: revOf(record), seen } });
    }
    const done = await core.store.putMany(writes.map(({ write }) => write));
    for (const [at, { bundle, write }] of writes.entries()) {
      if (done[at]) await auditWrite(core, bundle, write.record);
    }
    const lost = writes.filter((_, at) => !done[at]).map(({ bundle }) => bundle);
    if (attempt === MAX_ATTEMPTS) {
      for (const bundle of lost) fail(bundle, 'ERR_CONFLICT');
      return;
    }
    open = lost;
  }
}

/**
 * The items of `bundles` whose value the store holds, sealed and readable: read back, not believed.
 *
 * @internal
 */
export async function readBack(
  core: VaultCore,
  bundles: readonly Bundle[],
): Promise<PlaintextField[]> {
  const stored = await recordsOf(core, bundles);
  const held: PlaintextField[] = [];
  for (const { ref, judged } of bundles) {
    const content = await contentOf(core, stored.get(addressOf(ref)));
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
  core: VaultCore,
  bundles: readonly Bundle[],
): Promise<Map<string, SecretRecord>> {
  const tenantIds = new Set(bundles.map(({ ref }) => ref.tenantId));
  const records = await Promise.all([...tenantIds].map((tenantId) => core.store.list(tenantId)));
  return new Map(records.flat().map((record) => [addressOf(record), record]));
}

/** Whether the value has a form that a write through the vault would refuse. @internal */
export function isOddlyFormed(
  core: VaultCore,
  { provider, field, value }: PlaintextField,
): boolean {
  const pattern = core.registry.resolve(provider).definition?.fields[field]?.pattern;
  return pattern !== undefined && !matches(pattern, value);
}

function fail(bundle: Bundle, reason: string): void {
  bundle.judged = bundle.items.map((item) => ({ item, verdict: 'failed', reason }));
}

async function auditWrite(core: VaultCore, bundle: Bundle, record: SecretRecord): Promise<void> {
  const { rev, keyId } = infoOf(record);
  const fields = bundle.judged
    .filter(({ verdict }) => verdict === 'migrated')
    .map(({ item }) => item.field);
  const source: AuditEvent['source'] = 'settings';
  await core.trail.record({
    action: 'migrate',
    ...bundle.ref,
    fields,
    rev,
    keyId,
    source,
    outcome: 'ok',
  });
}

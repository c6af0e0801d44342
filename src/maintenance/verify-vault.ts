import { auditSubject } from '../core/audited.ts';
import { openVersion, type Sealed } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { recordErrorCodeOrThrow, type VaultErrorCode } from '../errors.ts';
import { LOCAL_WRAPPER } from '../keys/key-wrapper.ts';
import { isReserved } from '../names.ts';
import type { FieldMap } from '../providers/fields.ts';
import { earlierVersions, type RecordView, refKey, type SecretRef } from '../record.ts';
import { type TenantKeyControl, tenantKeyControl } from '../tenant-keys/control.ts';
import { isWellFormed } from '../tenant-keys/entry.ts';
import { forEachRecord, retryUnavailable } from './batches.ts';
import {
  type LongOperationOptions,
  OperationError,
  type OperationIssue,
} from './long-operation.ts';
import { missingLookup } from './reindex-lookup.ts';
import { keyGroup, keyName } from './report.ts';

/**
 * The number of records, by the result of opening them.
 *
 * @public
 */
export interface VerificationCounts {
  /** Opened, and bound to their tenant, provider and revision. */
  ok: number;
  /** Opened, but written by the old system and bound to nothing [R4]. */
  unbound: number;
  /**
   * Sealed with a key that is not configured. Among them are records that name no key and that none
   * of the configured keys opens; such a record may also have been altered, which cannot be told apart.
   */
  unknownKey: number;
  /** Altered: the key that the record names is configured, and does not open it. */
  tampered: number;
  /** Not in the form of a sealed record. */
  malformed: number;
  /** The content of another tenant, provider or revision. */
  foreign: number;
}

/**
 * What `verifyVault` found. It holds counts and ids, never a value.
 *
 * @public
 */
export interface VerificationReport extends VerificationCounts {
  /** Records gone through. */
  scanned: number;
  /** The same counts per key id: `t<n>` for all tenant keys of that number, `none` for records that name no key. */
  keys: Record<string, VerificationCounts>;
  /** The same counts over the earlier versions in the records' histories. */
  history: VerificationCounts;
  /** Earlier versions per key id. */
  historyKeys: Record<string, number>;
  /**
   * Writes so far per key id, from the revisions: an estimate of its use [K5]. For `t<n>`, those of the
   * tenant that has written most.
   */
  seals: Record<string, number>;
  /**
   * Whether the vault can be set to `unbound: "refuse"`: every record and every earlier version is
   * known to be bound. `false` while one of them cannot be opened, and after a run with `range`,
   * `part` or `after`, which did not see all.
   */
  safeToRefuseUnbound: boolean;
  /**
   * Configured decryption keys that neither a record nor its history names [K2], and that wrap no
   * tenant key (`localWrapper`); none while a record names no key, and after a run that did not see
   * all.
   */
  droppableKeys: string[];
  /**
   * Records that `findTenants` would not find, or would find by a value that they no longer have:
   * `reindexLookup` mends them. 0 without a key for lookups.
   */
  lookupMissing: number;
  /** Records and earlier versions that did not open, or are unbound. */
  problemCount: number;
  /** The first 1,000 of them; an earlier version has `rev`. */
  problems: OperationIssue[];
}

/** Does the work of `verifyVault`. @internal */
export async function verifyRecords(
  core: VaultCore,
  options: LongOperationOptions,
): Promise<VerificationReport> {
  const { range, part, after } = options ?? {};
  // Reserved records [R8] are not counted, but their keys are needed.
  const neededKeys = new Set<string>();
  const tenantSeals = new TenantSeals();
  const report = await forEachRecord(core, options, {
    emptyReport,
    handle: async (batch, part) => {
      for (const view of batch) {
        await verifyRecord(core, options, view, part, neededKeys);
        if (!isReserved(view.ref.provider)) tenantSeals.add(view);
      }
    },
  });
  Object.assign(report.seals, tenantSeals.most);
  if ((range ?? part ?? after) === undefined) {
    report.safeToRefuseUnbound = [report, report.history].every(
      ({ unbound, unknownKey, tampered, malformed }) =>
        unbound + unknownKey + tampered + malformed === 0,
    );
    // A record that names no key may need any of them.
    const control = tenantKeyControl(core.keys);
    const decryptionOnly = control?.decryptionOnlyIds ?? core.keys.keyIds?.slice(1) ?? [];
    const unused = neededKeys.has('none') ? [] : decryptionOnly.filter((id) => !neededKeys.has(id));
    report.droppableKeys =
      control && unused.length > 0
        ? await withoutWrapping(control, unused, report, options)
        : unused;
  }
  return report;
}

/** Those of the keyring's keys that wrap no tenant key either, as those of a `localWrapper` do. */
async function withoutWrapping(
  { store, wrapperId }: TenantKeyControl,
  keyIds: readonly string[],
  report: VerificationReport,
  options: LongOperationOptions,
): Promise<string[]> {
  const wrapping = new Set<unknown>([wrapperId]);
  try {
    await retryUnavailable(options, async () => {
      for await (const batch of store.scan({})) {
        for (const entry of batch) {
          if (isWellFormed(entry)) for (const key of entry.keys) wrapping.add(key.wrapper);
        }
      }
    });
  } catch (error) {
    throw new OperationError(report, undefined, error);
  }
  return keyIds.filter((id) => !wrapping.has(`${LOCAL_WRAPPER}${id}`));
}

/** The writes per tenant key. Records come by tenant, so that few sums are needed at a time. */
class TenantSeals {
  readonly most: Record<string, number> = {};
  readonly #sums = new Map<string, number>();

  add({ ref, keyId, rev }: RecordView): void {
    const group = keyGroup(keyId);
    if (group === keyName(keyId)) return;
    const key = refKey({ tenantId: ref.tenantId, provider: keyId as string });
    const sum = (this.#sums.get(key) ?? 0) + Math.max(rev, 1);
    this.#sums.delete(key);
    this.#sums.set(key, sum);
    this.most[group] = Math.max(this.most[group] ?? 0, sum);
    const [oldest] = this.#sums.keys();
    if (this.#sums.size > MAX_SUMS && oldest !== undefined) this.#sums.delete(oldest);
  }
}

const MAX_SUMS = 10_000;

function emptyReport(): VerificationReport {
  return {
    scanned: 0,
    ...noCounts(),
    keys: {},
    history: noCounts(),
    historyKeys: {},
    seals: {},
    safeToRefuseUnbound: false,
    droppableKeys: [],
    lookupMissing: 0,
    problemCount: 0,
    problems: [],
  };
}

function noCounts(): VerificationCounts {
  return { ok: 0, unbound: 0, unknownKey: 0, tampered: 0, malformed: 0, foreign: 0 };
}

async function verifyRecord(
  core: VaultCore,
  options: LongOperationOptions,
  view: RecordView,
  report: VerificationReport,
  neededKeys: Set<string>,
): Promise<void> {
  const { ref, record, rev, keyId } = view;
  const name = keyGroup(keyId);
  const earlier = earlierVersions(view);
  neededKeys.add(name);
  for (const version of earlier) neededKeys.add(keyGroup(version.keyId));
  if (isReserved(ref.provider)) return;

  report.scanned++;
  const isTenantKey = name !== keyName(keyId);
  if (!isTenantKey) report.seals[name] = (report.seals[name] ?? 0) + Math.max(rev, 1);
  const current = await classify(core, ref, { data: record.data, rev, keyId });
  report[current.verdict]++;
  const { fields } = current;
  if (fields && (await missingLookup(core, view, fields, 'foreign'))) report.lookupMissing++;
  const ofKey = report.keys[name] ?? noCounts();
  ofKey[current.verdict]++;
  report.keys[name] = ofKey;
  addProblem(report, current);
  if (current.error) await core.trail.failed(auditSubject('verify', ref, options), current.error);
  for (const version of earlier) {
    const name = keyGroup(version.keyId);
    report.historyKeys[name] = (report.historyKeys[name] ?? 0) + 1;
    const found = await classify(core, ref, version);
    report.history[found.verdict]++;
    addProblem(report, found, version.rev);
  }
}

interface Finding {
  readonly verdict: keyof VerificationCounts;
  /** What to report, unless the verdict is `ok`. */
  readonly issue?: OperationIssue;
  readonly error?: unknown;
  /** The content, where it opened. */
  readonly fields?: FieldMap;
}

async function classify(core: VaultCore, ref: SecretRef, version: Sealed): Promise<Finding> {
  try {
    const opening = openVersion(core, ref, version, 'accept');
    const { fields, bound } = 'then' in opening ? await opening : opening;
    if (bound) return { verdict: 'ok', fields };
    return { verdict: 'unbound', fields, issue: { ...ref, reason: 'ERR_UNBOUND' } };
  } catch (error) {
    const reason = recordErrorCodeOrThrow(error);
    const verdict = verdictOf(reason, version.keyId);
    const named = verdict === 'unknownKey' && version.keyId !== undefined;
    return {
      verdict,
      issue: { ...ref, reason, ...(named && { keyId: keyName(version.keyId) }) },
      error,
    };
  }
}

function verdictOf(code: VaultErrorCode, keyId: string | undefined): keyof VerificationCounts {
  if (code.startsWith('ERR_KEY_')) return 'unknownKey';
  if (code === 'ERR_BINDING') return 'foreign';
  if (code !== 'ERR_DECRYPTION_FAILED') return 'malformed';
  // GCM cannot tell a wrong key from altered data, but a key id is a fingerprint of the key.
  return keyId === undefined ? 'unknownKey' : 'tampered';
}

function addProblem(report: VerificationReport, { issue }: Finding, rev?: number): void {
  if (issue === undefined) return;
  report.problemCount++;
  report.problems.push({ ...issue, ...(rev !== undefined && { rev }) });
}

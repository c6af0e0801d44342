import { setTimeout as sleep } from 'node:timers/promises';
import { abortError, auditSubject } from '../core/audited.ts';
import { openVersion, sealWith } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { lookupAfter, writeMany } from '../core/write.ts';
import { isVaultError, recordErrorCodeOrThrow } from '../errors.ts';
import type { VaultKey } from '../keys/vault-key.ts';
import { isReserved } from '../names.ts';
import {
  decodeRecord,
  earlierVersions,
  etag,
  type RecordView,
  refKey,
  type SealedVersion,
  type SecretRecord,
  type SecretRef,
} from '../record.ts';
import { tenantKeyControl } from '../tenant-keys/control.ts';
import { forEachRecord, retryUnavailable } from './batches.ts';
import type { LongOperationOptions, OperationIssue } from './long-operation.ts';
import { keyGroup, keyName } from './report.ts';

/**
 * What `rotateKeys` did. It holds counts and ids, never a value.
 *
 * @public
 */
export interface RotationReport {
  /** The key that seals everything; absent where tenants have keys of their own. */
  encryptionKeyId?: string;
  /** Records gone through. */
  scanned: number;
  /** Records that were sealed anew; in a dry run, that would be. */
  rotated: number;
  /** Records with nothing left to do: sealed with the current key and bound, or deleted meanwhile. */
  upToDate: number;
  /** Records that still need a rotation, because others kept on changing them. */
  changed: number;
  /** Records that could not be opened, and were left as they are. */
  failedCount: number;
  /** The first 1,000 of those records. */
  failed: OperationIssue[];
  /** Earlier versions, in the records' histories, that were sealed anew. */
  historyRotated: number;
  /** Earlier versions that could not be opened, and were kept as they are. */
  historyFailedCount: number;
  /** The first 1,000 of those versions, each with its `rev`. */
  historyFailed: OperationIssue[];
  /** Records per key id before the rotation: `t<n>` for all tenant keys of that number, `none` for those that name no key. */
  keys: Record<string, number>;
  /**
   * Records and earlier versions that still need a rotation: run it again for the changed ones, and
   * look at `failed` and `historyFailed`. In a dry run it counts all records that need one.
   */
  remaining: number;
}

// Two rotations at once, or a writer that seals with the old key, make a write lose its race.
const MAX_ATTEMPTS = 8;
const MAX_PAUSE_MS = 50;

/** A record that was opened, and what is to be done with it. */
interface Plan {
  readonly view: RecordView;
  readonly outcome: 'rotated' | 'upToDate' | 'failedCount';
  /** The record sealed anew, where it is due. */
  readonly next?: SecretRecord;
  readonly historyRotated: number;
  /** Why the record could not be opened. */
  readonly issue?: OperationIssue;
  readonly historyIssues: readonly OperationIssue[];
}

/** Does the work of `rotateKeys`. @internal */
export async function rotateRecords(
  core: VaultCore,
  options: LongOperationOptions,
): Promise<RotationReport> {
  const encryptionKeyId = core.keys.keyIds?.[0];
  tenantKeyControl(core.keys)?.forget(); // a key that another process renewed is the one to seal with
  return forEachRecord(core, options, {
    emptyReport: (): RotationReport => ({
      ...(encryptionKeyId !== undefined && { encryptionKeyId }),
      scanned: 0,
      rotated: 0,
      upToDate: 0,
      changed: 0,
      failedCount: 0,
      failed: [],
      historyRotated: 0,
      historyFailedCount: 0,
      historyFailed: [],
      keys: {},
      remaining: 0,
    }),
    handle: (batch, part) => rotateBatch(core, options, batch, part),
  });
}

/** Seals records anew where they are due. One that lost a race is read and looked at again. */
async function rotateBatch(
  core: VaultCore,
  options: LongOperationOptions,
  batch: readonly RecordView[],
  report: RotationReport,
): Promise<void> {
  const { dryRun = false } = options;
  let views = batch;
  for (let attempt = 0; views.length > 0; attempt++) {
    const plans = await Promise.all(views.map((view) => planRecord(core, options, view)));
    const due: Plan[] = [];
    for (const plan of plans) {
      if (plan.next === undefined) count(plan, plan.outcome, report, false);
      else if (dryRun) count(plan, 'rotated', report, true);
      else if (attempt === MAX_ATTEMPTS) count(plan, 'changed', report, true);
      else due.push(plan);
    }
    const lost = await write(core, options, due, report, attempt);
    views = lost.length === 0 ? [] : await readAgain(core, options, lost, report);
  }
}

async function planRecord(
  core: VaultCore,
  options: LongOperationOptions,
  view: RecordView,
): Promise<Plan> {
  const { ref, record, metadata, keyId } = view;
  const historyIssues: OperationIssue[] = [];
  try {
    const opened = openVersion(core, ref, view, 'accept');
    const { fields, bound } = 'then' in opened ? await opened : opened;
    const newKey = newKeyFor(core, ref, options);
    const key = newKey !== undefined && 'then' in newKey ? await newKey : newKey;
    const earlier = earlierVersions(view);
    const history =
      earlier.length === 0
        ? earlier
        : await Promise.all(
            earlier.map((version) => resealVersion(core, ref, version, key, historyIssues)),
          );
    const historyRotated = history.filter((version, at) => version !== earlier[at]).length;
    const plan = { view, historyRotated, historyIssues };
    if (bound && keyId === key?.id && historyRotated === 0) return { ...plan, outcome: 'upToDate' };
    if (key === undefined) return { ...plan, outcome: 'rotated', next: record }; // in a dry run
    // A new revision, but neither a new version in the history nor a new date or author: the
    // content is the same.
    const rev = view.rev + 1;
    const definition = core.registry.find(ref.provider);
    const lookup = await lookupAfter(core, ref, definition, view, fields, fields);
    const { lookup: _earlier, ...kept } = metadata;
    const next: SecretRecord = {
      ...record,
      data: sealWith(key, ref, rev, fields).data,
      metadata: { ...kept, rev, keyId: key.id, ...(lookup && { lookup }) },
      ...(history.length > 0 && { history }),
    };
    return { ...plan, outcome: 'rotated', next };
  } catch (error) {
    await core.trail.failed(auditSubject('rotate', ref, options), error);
    const issue = issueOf(ref, keyId, error);
    return { view, outcome: 'failedCount', historyRotated: 0, issue, historyIssues: [] };
  }
}

/** The key that is to seal; a dry run makes none. */
function newKeyFor({ keys }: VaultCore, ref: SecretRef, { dryRun }: LongOperationOptions) {
  return dryRun && keys.currentKey ? keys.currentKey(ref) : keys.encryptionKey(ref);
}

async function resealVersion(
  core: VaultCore,
  ref: SecretRef,
  version: SealedVersion,
  key: VaultKey | undefined,
  issues: OperationIssue[],
): Promise<SealedVersion> {
  try {
    const { fields, bound } = await openVersion(core, ref, version, 'accept');
    if (bound && version.keyId === key?.id) return version;
    if (key === undefined) return { ...version };
    return { ...version, ...sealWith(key, ref, version.rev, fields) };
  } catch (error) {
    issues.push({ ...issueOf(ref, version.keyId, error), rev: version.rev });
    return version;
  }
}

/** @returns the writes that another writer won, or whose answer was lost */
async function write(
  core: VaultCore,
  options: LongOperationOptions,
  due: readonly Plan[],
  report: RotationReport,
  attempt: number,
): Promise<Plan[]> {
  if (options.signal?.aborted) throw abortError(options.signal);
  const writes = due.map(({ view, next }) => ({
    write: { record: next as SecretRecord, expected: view.etag, stored: view.record },
    subject: auditSubject('rotate', view.ref, options),
  }));
  const written = await writeMany(core, writes).catch((error) => {
    const again = isVaultError(error, 'ERR_STORE_UNAVAILABLE') && attempt < MAX_ATTEMPTS - 1;
    if (!again) throw error;
    return []; // reading again shows which were done
  });
  return due.filter((plan, at) => {
    if (written[at]) count(plan, 'rotated', report, false);
    return !written[at];
  });
}

/** Reads records whose writes were lost, and counts those that need no other write. */
async function readAgain(
  core: VaultCore,
  options: LongOperationOptions,
  lost: readonly Plan[],
  report: RotationReport,
): Promise<RecordView[]> {
  await sleep(Math.random() * MAX_PAUSE_MS);
  const records = await retryUnavailable(options, () =>
    core.store.getMany(lost.map(({ view }) => view.ref)),
  );
  const stored = new Map(records.map((record) => [refKey(record), record]));
  return lost.flatMap((plan) => {
    const record = stored.get(refKey(plan.view.ref));
    const isOurs = record !== undefined && etag(record) === etag(plan.next as SecretRecord);
    if (record !== undefined && !isOurs) return [decodeRecord(record)];
    count(plan, isOurs ? 'rotated' : 'upToDate', report, false);
    return [];
  });
}

function count(
  { view: { ref, keyId }, historyRotated, issue, historyIssues }: Plan,
  outcome: 'rotated' | 'upToDate' | 'changed' | 'failedCount',
  report: RotationReport,
  stillDue: boolean,
): void {
  if (isReserved(ref.provider)) return; // [R8]
  const name = keyGroup(keyId);
  report.scanned++;
  report.keys[name] = (report.keys[name] ?? 0) + 1;
  report[outcome]++;
  if (issue !== undefined) report.failed.push(issue);
  report.historyFailedCount += historyIssues.length;
  report.historyFailed.push(...historyIssues);
  if (outcome === 'rotated') report.historyRotated += historyRotated;
  report.remaining += historyIssues.length + (stillDue || outcome === 'failedCount' ? 1 : 0);
}

function issueOf(ref: SecretRef, keyId: unknown, error: unknown): OperationIssue {
  const reason = recordErrorCodeOrThrow(error);
  return { ...ref, reason, ...(reason === 'ERR_KEY_UNKNOWN' && { keyId: keyName(keyId) }) };
}

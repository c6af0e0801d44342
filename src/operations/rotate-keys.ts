import { codeOf, isVaultError } from '../errors.ts';
import {
  historyOf,
  keyIdOf,
  metadataOf,
  revOf,
  type SealedVersion,
  type SecretRecord,
} from '../record/record.ts';
import type { StoreWrite } from '../stores/secret-store.ts';
import type { BundleVault } from '../vault/bundle-vault.ts';
import { coreOf } from '../vault/internals.ts';
import type { VaultCore } from '../vault/vault-core.ts';
import {
  addTally,
  batchSettings,
  forEachBatch,
  keyNameOf,
  type LongOperationOptions,
  type OperationIssue,
} from './long-operation.ts';

/**
 * What {@link rotateKeys} did. It holds counts and ids, never a value.
 *
 * @public
 */
export interface RotationReport {
  /** The key that everything is to be sealed with. */
  encryptionKeyId: string;
  /** Records gone through. */
  scanned: number;
  /** Records that were sealed anew; in a dry run, that would be. */
  rotated: number;
  /** Records that were sealed with the current key and bound already. */
  upToDate: number;
  /** Records that another writer changed meanwhile, and that were left to it. */
  changed: number;
  /** Records that could not be opened, and were left as they are. */
  failedCount: number;
  /** The first 1,000 of them. */
  failed: OperationIssue[];
  /** Earlier versions, in the records' histories, that were sealed anew. */
  historyRotated: number;
  /** Earlier versions that could not be opened, and were kept as they are. */
  historyUnreadable: number;
  /** Records per key id before the rotation; `none` for those that name no key. */
  keys: Record<string, number>;
  /** Records that still need a rotation; run again, or look at `failed`. In a dry run: all that do. */
  remaining: number;
}

/**
 * Seals every record anew that is not under the current encryption key, or not bound to its tenant
 * [R4], with its history.
 *
 * The third of the four steps of a rotation [K2]: (1) give all processes the new key as a decryption
 * key, (2) make it the encryption key, (3) rotate, (4) drop the old one when `verifyVault` says so.
 *
 * Each record is a compare-and-set: one that is written meanwhile is left to its writer. It can be
 * stopped or killed at any point and run again.
 *
 * @throws VaultError the errors of the store and of the keys
 * @public
 */
export async function rotateKeys(
  vault: BundleVault,
  options: LongOperationOptions = {},
): Promise<RotationReport> {
  const core = coreOf(vault);
  const { batchSize, dryRun } = batchSettings(options);
  const encryptionKeyId = await core.sealer.currentKeyId({
    tenantId: 'default',
    provider: 'custom',
  });
  const report = emptyReport(encryptionKeyId);
  await forEachBatch(core.store.scan({ batchSize }), options, {
    handle: async (batch) => {
      const part = emptyReport(encryptionKeyId);
      const writes = await Promise.all(batch.map((record) => plan(core, record, part)));
      const due = writes.filter((write) => write !== undefined);
      if (dryRun) part.rotated += due.length;
      else await apply(core, due, part);
      return part;
    },
    collect: (part) => addTally(report, part),
    total: await core.store.count?.(),
  });
  report.remaining = report.failedCount + report.changed + (dryRun ? report.rotated : 0);
  return report;
}

function emptyReport(encryptionKeyId: string): RotationReport {
  return {
    encryptionKeyId,
    scanned: 0,
    rotated: 0,
    upToDate: 0,
    changed: 0,
    failedCount: 0,
    failed: [],
    historyRotated: 0,
    historyUnreadable: 0,
    keys: {},
    remaining: 0,
  };
}

async function plan(
  core: VaultCore,
  record: SecretRecord,
  report: RotationReport,
): Promise<StoreWrite | undefined> {
  report.scanned++;
  const keyName = keyNameOf(keyIdOf(record));
  report.keys[keyName] = (report.keys[keyName] ?? 0) + 1;
  try {
    const keyId = await core.sealer.currentKeyId(record);
    const current = await core.sealer.openRecord(record, 'accept');
    const earlier = historyOf(record);
    const history = await Promise.all(
      earlier.map((version) => rotateVersion(core, record, version, keyId, report)),
    );
    const rotatedHistory = history.some((version, at) => version !== earlier[at]);
    if (current.bound && keyIdOf(record) === keyId && !rotatedHistory) {
      report.upToDate++;
      return undefined;
    }
    // A new revision, but neither a new version in the history nor a new date or author: the
    // content is the same.
    const rev = revOf(record) + 1;
    const sealed = await core.sealer.seal(record, rev, current.fields);
    const next: SecretRecord = {
      ...record,
      data: sealed.data,
      metadata: { ...metadataOf(record), rev, keyId: sealed.keyId },
      ...(history.length > 0 && { history }),
    };
    return { record: next, expectedRev: revOf(record), seen: record.data };
  } catch (error) {
    const { tenantId, provider } = record;
    const unknownKey = isVaultError(error, 'ERR_KEY_UNKNOWN') && { keyId: keyName };
    report.failed.push({ tenantId, provider, reason: codeOf(error), ...unknownKey });
    report.failedCount++;
    await core.trail.failed({ action: 'rotate', tenantId, provider }, error);
    return undefined;
  }
}

async function rotateVersion(
  core: VaultCore,
  record: SecretRecord,
  version: SealedVersion,
  keyId: string,
  report: RotationReport,
): Promise<SealedVersion> {
  try {
    const opened = await core.sealer.open(record, version, 'accept');
    if (opened.bound && version.keyId === keyId) return version;
    report.historyRotated++;
    return { ...version, ...(await core.sealer.seal(record, version.rev, opened.fields)) };
  } catch (error) {
    codeOf(error);
    report.historyUnreadable++;
    return version;
  }
}

async function apply(
  core: VaultCore,
  writes: readonly StoreWrite[],
  report: RotationReport,
): Promise<void> {
  const done = await core.putMany(
    writes.map((write) => {
      const { tenantId, provider } = write.record;
      return { write, subject: { action: 'rotate', tenantId, provider } };
    }),
  );
  for (const rotated of done) report[rotated ? 'rotated' : 'changed']++;
}

import { codeOf, type VaultErrorCode } from '../errors.ts';
import {
  historyOf,
  keyIdOf,
  revOf,
  type SealedVersion,
  type SecretRecord,
  versionOf,
} from '../record/record.ts';
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
 * How many records, by what became of opening them.
 *
 * @public
 */
export interface VerificationCounts {
  /** Opened, and bound to their tenant, provider and revision. */
  ok: number;
  /** Opened, but written by the old system and bound to nothing [R4]. */
  unbound: number;
  /** Sealed with a key that is not configured. */
  unknownKey: number;
  /** Altered, or sealed with another key than the one named. */
  tampered: number;
  /** Not in the form of a sealed record. */
  malformed: number;
  /** The content of another tenant, provider or revision. */
  foreign: number;
}

/**
 * What {@link verifyVault} found. It holds counts and ids, never a value.
 *
 * @public
 */
export interface VerificationReport extends VerificationCounts {
  /** Records gone through. */
  scanned: number;
  /** The same counts per key id; `none` for records that name no key. */
  keys: Record<string, VerificationCounts>;
  /** The same counts over the earlier versions in the records' histories. */
  history: VerificationCounts;
  /** Earlier versions per key id. */
  historyKeys: Record<string, number>;
  /** Writes so far per key id, from the revisions: an estimate of its use [K5]. */
  seals: Record<string, number>;
  /** Whether the vault can be set to `unbound: "refuse"`: nothing that it keeps is unbound. */
  safeToRefuseUnbound: boolean;
  /** Configured decryption keys that neither a record nor its history needs any more [K2]. */
  droppableKeys: string[];
  /** Records that did not open, or are unbound. */
  problemCount: number;
  /** The first 1,000 of them. */
  problems: OperationIssue[];
}

/**
 * Opens every record, and its history, and says what it found; writes nothing.
 *
 * @throws VaultError the errors of the store
 * @public
 */
export async function verifyVault(
  vault: BundleVault,
  options: Omit<LongOperationOptions, 'dryRun'> = {},
): Promise<VerificationReport> {
  const core = coreOf(vault);
  const { batchSize } = batchSettings(options);
  const report = emptyReport();
  await forEachBatch(core.store.scan({ batchSize }), options, {
    handle: async (batch) => {
      const part = emptyReport();
      for (const record of batch) await verify(core, record, part);
      return part;
    },
    collect: (part) => addTally(report, part),
    total: await core.store.count?.(),
  });
  report.safeToRefuseUnbound = report.unbound === 0 && report.history.unbound === 0;
  report.droppableKeys = droppableKeys(core, report);
  return report;
}

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
    problemCount: 0,
    problems: [],
  };
}

async function verify(
  core: VaultCore,
  record: SecretRecord,
  report: VerificationReport,
): Promise<void> {
  report.scanned++;
  const keyName = keyNameOf(keyIdOf(record));
  const ofKey = report.keys[keyName] ?? noCounts();
  report.keys[keyName] = ofKey;
  report.seals[keyName] = (report.seals[keyName] ?? 0) + Math.max(revOf(record), 1);

  const { verdict, reason, error } = await judge(core, record, versionOf(record));
  ofKey[verdict]++;
  report[verdict]++;
  if (verdict !== 'ok') {
    report.problemCount++;
    const { tenantId, provider } = record;
    const key = verdict === 'unknownKey' && { keyId: keyName };
    report.problems.push({ tenantId, provider, reason, ...key });
    if (error) await core.trail.failed({ action: 'verify', tenantId, provider }, error);
  }
  for (const version of historyOf(record)) {
    const name = keyNameOf(version.keyId);
    report.historyKeys[name] = (report.historyKeys[name] ?? 0) + 1;
    report.history[(await judge(core, record, version)).verdict]++;
  }
}

async function judge(
  core: VaultCore,
  record: SecretRecord,
  version: SealedVersion,
): Promise<{ verdict: keyof VerificationCounts; reason: string; error?: unknown }> {
  try {
    const { bound } = await core.sealer.open(record, version, 'accept');
    return bound ? { verdict: 'ok', reason: '' } : { verdict: 'unbound', reason: 'ERR_UNBOUND' };
  } catch (error) {
    const reason = codeOf(error);
    return { verdict: VERDICTS[reason] ?? 'malformed', reason, error };
  }
}

const VERDICTS: { readonly [C in VaultErrorCode]?: keyof VerificationCounts } = {
  ERR_KEY_UNKNOWN: 'unknownKey',
  ERR_DECRYPTION_FAILED: 'tampered',
  ERR_BINDING: 'foreign',
};

// A record that names no key may have been sealed with any of them: none can be dropped then.
function droppableKeys(core: VaultCore, report: VerificationReport): string[] {
  const used = new Set([...Object.keys(report.keys), ...Object.keys(report.historyKeys)]);
  if (used.has('none')) return [];
  const [, ...decryptionOnly] = core.sealer.keyIds;
  return decryptionOnly.filter((id) => !used.has(id));
}

function noCounts(): VerificationCounts {
  return { ok: 0, unbound: 0, unknownKey: 0, tampered: 0, malformed: 0, foreign: 0 };
}

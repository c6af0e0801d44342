import { abortError } from '../core/audited.ts';
import { assertOptions } from '../core/options.ts';
import { coreOf } from '../core/vault-core.ts';
import { forEachRecord } from '../maintenance/batches.ts';
import type { LongOperationOptions, OperationIssue } from '../maintenance/long-operation.ts';
import { isReserved } from '../names.ts';
import type { RecordView } from '../record.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { type ConnectionTestOptions, canBeTested, runConnectionTest } from './run-test.ts';

/**
 * Options of `checkHealth`.
 *
 * @public
 */
export interface CheckHealthOptions extends LongOperationOptions {
  /** Records per second, at most. @defaultValue 5 */
  readonly maxPerSecond?: number;
  /** How each connection is tested, as for `testConnection`. */
  readonly test?: ConnectionTestOptions;
}

/**
 * What `checkHealth` found. It holds counts and ids, never a value.
 *
 * @public
 */
export interface HealthReport {
  /** Records gone through. */
  scanned: number;
  /** Records whose credentials were tested; in a dry run, that would be. */
  tested: number;
  /** Credentials that work. */
  ok: number;
  /** Credentials that do not, or of which it could not be found out: `reason` is the problem. */
  failedCount: number;
  /** The first 1,000 of them. */
  failed: OperationIssue[];
}

const DEFAULT_MAX_PER_SECOND = 5;

/** Does the work of `checkHealth`. @internal */
export async function checkRecords(
  vault: SecretsVault,
  options: CheckHealthOptions,
): Promise<HealthReport> {
  assertOptions(options);
  const { maxPerSecond = DEFAULT_MAX_PER_SECOND } = options;
  const paced = { ...options, maxPerSecond };
  return forEachRecord(coreOf(vault), paced, {
    emptyReport: (): HealthReport => ({ scanned: 0, tested: 0, ok: 0, failedCount: 0, failed: [] }),
    // One after the other: `concurrency` says how many requests are under way.
    handle: async (batch, part) => {
      for (const view of batch) await checkRecord(vault, options, view, part);
    },
  });
}

async function checkRecord(
  vault: SecretsVault,
  { dryRun = false, signal, actor, test }: CheckHealthOptions,
  { ref }: RecordView,
  report: HealthReport,
): Promise<void> {
  if (isReserved(ref.provider)) return; // [R8]
  if (signal?.aborted) throw abortError(signal);
  report.scanned++;
  const definition = coreOf(vault).registry.find(ref.provider);
  if (definition === undefined || !canBeTested(definition)) return;
  report.tested++;
  if (dryRun) return;
  // Only what is stored: an override of the environment is not the tenant's.
  const stored = {
    ...test,
    ...ref,
    envOverride: false,
    ...(actor !== undefined && { actor }),
  } as const;
  const { ok, code } = await runConnectionTest(vault, { ...stored, provider: definition });
  if (ok) report.ok++;
  else {
    report.failedCount++;
    report.failed.push({ ...ref, reason: code ?? 'unknown' });
  }
}

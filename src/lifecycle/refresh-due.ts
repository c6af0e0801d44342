import { abortError } from '../core/audited.ts';
import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument, recordErrorCodeOrThrow } from '../errors.ts';
import { forEachRecord, retryUnavailable } from '../maintenance/batches.ts';
import type { LongOperationOptions, OperationIssue } from '../maintenance/long-operation.ts';
import { isReserved } from '../names.ts';
import type { RecordView } from '../record.ts';
import { mayBeDue } from './due.ts';
import { renewIfDue } from './refresh.ts';

/**
 * Options of `refreshDue`.
 *
 * @public
 */
export interface RefreshDueOptions extends LongOperationOptions {
  /**
   * Renews what expires within so many milliseconds: the time until the next run, and some more.
   *
   * @defaultValue `marginMs` of each definition
   */
  readonly withinMs?: number;
}

/**
 * What `refreshDue` did. It holds counts and ids, never a value.
 *
 * @public
 */
export interface RefreshReport {
  /** Records gone through. */
  scanned: number;
  /** Records that were due. */
  due: number;
  /** Records that were renewed, by this process or by another one meanwhile. */
  renewed: number;
  /** Records that are due still: the provider does not renew them, or they cannot be opened. */
  failedCount: number;
  /** The first 1,000 of them; `status` says who must connect again. */
  failed: OperationIssue[];
}

/** Does the work of `refreshDue`. @internal */
export async function refreshRecords(
  core: VaultCore,
  options: RefreshDueOptions,
): Promise<RefreshReport> {
  const { withinMs } = options ?? {};
  if (withinMs !== undefined && !(Number.isFinite(withinMs) && withinMs >= 0)) {
    throw invalidArgument('withinMs must be milliseconds.');
  }
  return forEachRecord(core, options, {
    emptyReport: (): RefreshReport => ({
      scanned: 0,
      due: 0,
      renewed: 0,
      failedCount: 0,
      failed: [],
    }),
    // One after the other: `concurrency` says how many requests a provider gets at a time.
    handle: async (batch, part) => {
      for (const view of batch) await refreshRecord(core, options, view, part);
    },
  });
}

async function refreshRecord(
  core: VaultCore,
  { withinMs, dryRun = false, signal, actor }: RefreshDueOptions,
  view: RecordView,
  report: RefreshReport,
): Promise<void> {
  const { ref } = view;
  if (isReserved(ref.provider)) return; // [R8]
  if (signal?.aborted) throw abortError(signal);
  report.scanned++;
  const definition = core.registry.find(ref.provider);
  const refresh = definition?.refresh;
  if (refresh === undefined || !mayBeDue(refresh, view, core.now(), withinMs)) return;
  try {
    const { fields } = await openVersion(core, view.ref, view);
    if (!fields[refresh.expiresAt]) return; // without a time it does not expire
    report.due++;
    if (dryRun) return;
    const renewal = {
      wait: true,
      ...(withinMs !== undefined && { marginMs: withinMs }),
      ...(actor !== undefined && { actor }),
    };
    const { view: now } = await retryUnavailable({}, () =>
      renewIfDue(core, definition, { view, fields }, renewal),
    );
    if (now !== view) report.renewed++;
  } catch (error) {
    const reason = recordErrorCodeOrThrow(error);
    if (reason === 'ERR_SECRET_NOT_FOUND') return; // deleted meanwhile
    report.failedCount++;
    report.failed.push({ ...ref, reason });
  }
}

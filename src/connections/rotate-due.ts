import { abortError } from '../core/audited.ts';
import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument, recordErrorCodeOrThrow } from '../errors.ts';
import { intentRef } from '../lifecycle/rotation.ts';
import { forEachRecord } from '../maintenance/batches.ts';
import type { LongOperationOptions, OperationIssue } from '../maintenance/long-operation.ts';
import { isReserved } from '../names.ts';
import { currentVersion, type RecordView, recordInfo, refKey } from '../record.ts';
import { type RotateOptions, rotationOf, runRotation } from './run-rotation.ts';

/**
 * Options of `rotateDue`.
 *
 * @public
 */
export interface RotateDueOptions
  extends LongOperationOptions,
    Pick<RotateOptions, 'graceMs' | 'client' | 'baseUrl'> {
  /** Replaces credentials whose record was last written so many milliseconds ago, or earlier. */
  readonly olderThanMs: number;
  /** Only of this provider. @defaultValue all that have a rotation */
  readonly provider?: string;
}

/**
 * What `rotateDue` did. It holds counts and ids, never a value.
 *
 * @public
 */
export interface RotateDueReport {
  /** Records gone through. */
  scanned: number;
  /** Credentials that were old, or whose rotation was interrupted. */
  due: number;
  /** Credentials that were replaced, by this process or by another one meanwhile. */
  rotated: number;
  /** Credentials that could not be replaced. */
  failedCount: number;
  /** The first 1,000 of them. */
  failed: OperationIssue[];
}

// All credentials of a batch wait for their grace at the same time.
const BATCH = 20;

/** Does the work of `rotateDue`. @internal */
export async function rotateDueRecords(
  core: VaultCore,
  options: RotateDueOptions,
): Promise<RotateDueReport> {
  const { olderThanMs } = options ?? {};
  if (!(Number.isFinite(olderThanMs) && olderThanMs >= 0)) {
    throw invalidArgument('olderThanMs must be milliseconds.');
  }
  const before = core.now().getTime() - olderThanMs; // what is written from now on is not due
  return forEachRecord(
    core,
    { batchSize: BATCH, ...options },
    {
      emptyReport: (): RotateDueReport => ({
        scanned: 0,
        due: 0,
        rotated: 0,
        failedCount: 0,
        failed: [],
      }),
      handle: async (batch, part) => {
        const begun = new Set<string>();
        await Promise.all(
          batch.map((view) => rotateRecord(core, options, view, { before, begun }, part)),
        );
      },
    },
  );
}

async function rotateRecord(
  core: VaultCore,
  options: RotateDueOptions,
  view: RecordView,
  { before, begun }: { readonly before: number; readonly begun: Set<string> },
  report: RotateDueReport,
): Promise<void> {
  const { dryRun = false, signal, actor, graceMs, client, baseUrl } = options;
  if (signal?.aborted) throw abortError(signal);
  const { tenantId } = view.ref;
  if (!isReserved(view.ref.provider)) report.scanned++;
  let { provider } = view.ref;
  try {
    if (isReserved(provider)) {
      const interrupted = await providerOfIntent(core, view);
      if (interrupted === undefined) return;
      provider = interrupted;
    } else {
      const { updatedAt } = recordInfo(view);
      if (updatedAt === undefined || updatedAt.getTime() > before) return;
    }
    if (options.provider !== undefined && provider !== options.provider) return;
    if (rotationOf(core.registry.find(provider), options) === undefined) return;
    // An old record with an interrupted rotation comes twice, and would wait for itself.
    const key = refKey({ tenantId, provider });
    if (begun.has(key)) return;
    begun.add(key);
    report.due++;
    if (dryRun) return;
    const rotation = {
      tenantId,
      provider,
      ...(graceMs !== undefined && { graceMs }),
      ...(client && { client }),
      ...(baseUrl !== undefined && { baseUrl }),
      ...(signal && { signal }),
      ...(actor !== undefined && { actor }),
    };
    await runRotation(core, rotation, before);
    report.rotated++;
  } catch (error) {
    const reason = recordErrorCodeOrThrow(error);
    if (reason === 'ERR_ABORTED') throw error;
    report.failedCount++;
    report.failed.push({ tenantId, provider, reason });
  }
}

/** The provider that an interrupted rotation is about; `undefined` for any other reserved record. */
async function providerOfIntent(core: VaultCore, view: RecordView): Promise<string | undefined> {
  if (!view.ref.provider.startsWith(intentRef({ tenantId: '', provider: '' }).provider)) {
    return undefined;
  }
  return (await openVersion(core, view.ref, currentVersion(view), 'accept')).fields.provider;
}

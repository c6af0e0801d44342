import { isDate } from 'node:util/types';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument, recordErrorCodeOrThrow } from '../errors.ts';
import type { SecretRef } from '../record.ts';
import type { KeyEntry } from '../stores/key-store.ts';
import type { ScanRange } from '../stores/secret-store.ts';
import { type TenantKeyControl, tenantKeyControl } from '../tenant-keys/control.ts';
import { currentKey, isWellFormed, malformedEntry } from '../tenant-keys/entry.ts';
import { forEachKeyEntry } from './key-entries.ts';
import {
  type LongOperationOptions,
  OperationError,
  type OperationIssue,
} from './long-operation.ts';
import { type RotationReport, rotateRecords } from './rotate-keys.ts';

/**
 * Options of `renewKeys`.
 *
 * @public
 */
export interface RenewKeysOptions extends LongOperationOptions {
  /**
   * Only keys that were made until then. Give the time since which the new KMS key has been in use
   * everywhere: a run that was killed and begins again then renews no tenant twice.
   *
   * @defaultValue when the call begins
   */
  readonly before?: Date;
}

/**
 * What `renewKeys` did. It holds counts and ids, never a key.
 *
 * @public
 */
export interface RenewalReport {
  /** Tenants gone through. */
  scanned: number;
  /** Tenants that got a fresh key; in a dry run, that would. */
  renewed: number;
  /** Tenants whose key was made after `before`, or erased. */
  upToDate: number;
  /** Tenants whose entry in the key store is damaged. */
  failedCount: number;
  /** The first 1,000 of them. */
  failed: OperationIssue[];
  /** What became of the records; absent in a dry run, and where it did not come to that. */
  rotation?: RotationReport;
}

const RECORDS = 'records:';

// No name holds it: what ends with it follows one tenant, and precedes every other.
const END = '\u0001';

/** Does the work of `renewKeys`: first all keys, then the records. @internal */
export async function renewAll(core: VaultCore, options: RenewKeysOptions): Promise<RenewalReport> {
  const { before = new Date(), after } = options ?? {};
  const control = tenantKeyControl(core.keys);
  if (control === undefined || core.keys.keyIds !== undefined) {
    throw invalidArgument('renewKeys needs a vault that seals with TenantKeys.');
  }
  if (!isDate(before)) throw invalidArgument('before must be a Date.');
  const begun = typeof after === 'string' && after.startsWith(RECORDS);
  const report = begun
    ? emptyReport()
    : await forEachKeyEntry(control.store, options, {
        emptyReport,
        handle: async (batch, part) => {
          for (const entry of batch) await renewOne(control, entry, before, options, part);
        },
      });
  if (options.dryRun) return report;
  const { after: _, range, ...rest } = options;
  const place = begun ? after.slice(RECORDS.length) : '';
  try {
    const rotation = await rotateRecords(core, {
      ...rest,
      ...(range && { range: wholeTenants(range) }),
      ...(place !== '' && { after: place }),
    });
    return { ...report, rotation };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    const rotation = error.report as RotationReport;
    throw new OperationError(
      { ...report, rotation },
      RECORDS + (error.after ?? place),
      error.cause,
    );
  }
}

/**
 * The records of the tenants whose key the range covers: all of them, also where the range begins or
 * ends between them. Another process may renew a tenant's key after this one has looked at a record.
 */
function wholeTenants({ after, until }: ScanRange): ScanRange {
  const end = ({ tenantId }: SecretRef) => ({ tenantId: tenantId + END, provider: '' });
  return { ...(after && { after: end(after) }), ...(until && { until: end(until) }) };
}

async function renewOne(
  control: TenantKeyControl,
  entry: KeyEntry,
  before: Date,
  { dryRun }: RenewKeysOptions,
  report: RenewalReport,
): Promise<void> {
  const { tenantId } = entry;
  report.scanned++;
  try {
    if (!isWellFormed(entry)) throw malformedEntry(tenantId);
    const current = currentKey(entry); // none where the tenant was erased
    const isOlder = current !== undefined && current.createdAt <= before;
    const done = dryRun || !isOlder ? entry : await control.renew(tenantId, before);
    report[isOlder && (dryRun || done.current !== current.number) ? 'renewed' : 'upToDate']++;
  } catch (error) {
    const reason = recordErrorCodeOrThrow(error);
    report.failedCount++;
    report.failed.push({ tenantId, provider: undefined, reason });
  }
}

function emptyReport(): RenewalReport {
  return { scanned: 0, renewed: 0, upToDate: 0, failedCount: 0, failed: [] };
}

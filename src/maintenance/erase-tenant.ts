import { abortError, auditRefusal, auditSubject, untilAborted } from '../core/audited.ts';
import { assertOptions, type ReadOptions } from '../core/options.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument, VaultError } from '../errors.ts';
import { assertTenantId, isReserved } from '../names.ts';
import type { SecretRecord } from '../record.ts';
import type { KeyEntry } from '../stores/key-store.ts';
import { type TenantKeyControl, tenantKeyControl } from '../tenant-keys/control.ts';
import { changeEntry, emptyEntry, isErased, nextNumber, usableKeys } from '../tenant-keys/entry.ts';

/**
 * Options of `eraseTenant`.
 *
 * @public
 */
export interface EraseTenantOptions extends ReadOptions {
  /**
   * `erase`: the tenant's events are removed, too, where the sink can; one that says who erased the
   * tenant is left.
   *
   * @defaultValue `"keep"`
   */
  readonly audit?: 'keep' | 'erase';
}

/**
 * What `eraseTenant` removed. It holds counts and names, never a value.
 *
 * @public
 */
export interface ErasureReport {
  readonly tenantId: string;
  /** Records that were removed, with their histories; several of one provider count each. */
  records: number;
  /** The providers whose records were removed. */
  providers: string[];
  /** Wrapped keys that were removed. */
  keys: number;
  /** Audit events that were removed; absent where they were kept. */
  events?: number;
  /**
   * Plaintext fields of the tenant that are still in the old settings; absent where the vault does
   * not know any.
   */
  plaintextRemaining?: number;
}

// Another process may write for as long as it holds the tenant's key.
const MAX_PASSES = 10;

/** Does the work of `eraseTenant`. @internal */
export async function eraseAll(
  core: VaultCore,
  tenantId: string,
  options: EraseTenantOptions,
): Promise<ErasureReport> {
  const { records, trail } = core;
  const control = await auditRefusal(core, 'erase', tenantId, ALL, options, () => {
    return checked(core, tenantId, options);
  });
  const subject = auditSubject('erase', { tenantId, provider: ALL }, options);
  const report = await trail.run(subject, (entry) =>
    untilAborted(options.signal, async () => {
      await entry.recordIntent({});
      await setTombstone(control, tenantId, core.now());
      records.invalidate(tenantId);
      try {
        return await removeRecords(core, tenantId, options);
      } finally {
        records.invalidate(tenantId);
      }
    }),
  );
  return untilAborted(options.signal, async () => {
    if (options.audit === 'erase') {
      const events = await trail.erase(tenantId);
      if (events !== undefined) report.events = events;
      await trail.record({ ...subject, outcome: 'ok' });
    }
    report.keys = await removeKeys(control, tenantId);
    const plaintext = await core.countPlaintext?.(tenantId);
    return { ...report, ...(plaintext !== undefined && { plaintextRemaining: plaintext }) };
  });
}

/** In the audit trail: all of the tenant. */
const ALL = '*';

function checked(
  { keys }: VaultCore,
  tenantId: string,
  options: EraseTenantOptions,
): TenantKeyControl {
  assertTenantId(tenantId);
  assertOptions(options);
  if (![undefined, 'keep', 'erase'].includes(options.audit)) {
    throw invalidArgument('audit must be "keep" or "erase".');
  }
  const control = tenantKeyControl(keys);
  if (control !== undefined) return control;
  throw invalidArgument(
    'eraseTenant needs a vault with TenantKeys. With other keys, nothing keeps a writer or the old settings from bringing the tenant back, and every backup stays readable.',
  );
}

/** From here on no key of the tenant is handed out, here at once, elsewhere within the cache's time. */
async function setTombstone(control: TenantKeyControl, tenantId: string, at: Date): Promise<void> {
  await changeEntry(control.store, tenantId, (stored = emptyEntry(tenantId)) =>
    isErased(stored) ? undefined : { ...stored, erased: { at, through: nextNumber(stored) - 1 } },
  );
  control.forget(tenantId);
}

async function removeRecords(
  core: VaultCore,
  tenantId: string,
  options: EraseTenantOptions,
): Promise<ErasureReport> {
  const removed = new Map<string, number>();
  for (let pass = 1; ; pass++) {
    const records = await core.store.list(tenantId, { history: false });
    if (records.length === 0) break;
    if (pass > MAX_PASSES) {
      throw new VaultError(
        'ERR_CONFLICT',
        `Tenant "${tenantId}" is still being written by another process. Run it again, once that has noticed: after the ttlMs of its TenantKeys at most.`,
      );
    }
    for (const record of records) {
      if (options.signal?.aborted) throw abortError(options.signal);
      if (!(await removeRecord(core, record, options)) || isReserved(record.provider)) continue;
      removed.set(record.provider, (removed.get(record.provider) ?? 0) + 1);
    }
  }
  const counts = [...removed.values()];
  return {
    tenantId,
    records: counts.reduce((sum, count) => sum + count, 0),
    providers: [...removed.keys()].sort(),
    keys: 0,
  };
}

async function removeRecord(
  core: VaultCore,
  { tenantId, provider }: SecretRecord,
  options: EraseTenantOptions,
): Promise<boolean> {
  const ref = { tenantId, provider };
  if (isReserved(provider)) return core.store.delete(ref);
  return core.trail.run(auditSubject('erase', ref, options), async (entry) => {
    await entry.recordIntent({});
    return core.store.delete(ref);
  });
}

/** Removes what the tombstone covers; last, so that a run that was killed is known to be unfinished. */
async function removeKeys(control: TenantKeyControl, tenantId: string): Promise<number> {
  let removed = 0;
  await changeEntry(control.store, tenantId, (stored): KeyEntry | undefined => {
    if (stored === undefined) return undefined;
    const keys = usableKeys(stored);
    removed = stored.keys.length - keys.length;
    return removed > 0 ? { ...stored, keys } : undefined;
  });
  return removed;
}

import type { AuditAction } from '../audit/audit-event.ts';
import type { AuditEntry, AuditSubject } from '../audit/audit-trail.ts';
import { VaultError } from '../errors.ts';
import { assertTenantId } from '../names.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import type { ProviderRef } from '../providers/fields.ts';
import type { RecordView, SecretRef } from '../record.ts';
import { assertOptions, isAuditText, type ReadOptions, type WriteOptions } from './options.ts';
import { type OpenedVersion, openVersion } from './seal.ts';
import {
  isTraced,
  type TraceContext,
  type TracedOperation,
  type TraceFacts,
  traced,
} from './tracing.ts';
import type { VaultCore } from './vault-core.ts';

/** The checked address of an operation, with the provider's definition. @internal */
export interface Target {
  readonly ref: SecretRef;
  readonly definition: ProviderDefinition | undefined;
}

/** In the audit trail: an operation on all records of a tenant. */
const ALL_PROVIDERS = '*';
/** In the audit trail: a malformed tenant or provider. The caller's input is never recorded. */
const NOT_A_NAME = '(invalid)';

/** The actions of operations on one record. */
type RecordAction = Extract<AuditAction, TracedOperation | 'purge'>;

/**
 * Checks the arguments of an operation on one record, runs it, and leaves one audit event, also of
 * a refusal.
 *
 * @param operation - its name on the tracing channels
 * @throws VaultError `ERR_INVALID_ARGUMENT`; `ERR_ABORTED` as soon as the caller's signal is
 * @internal
 */
export function audited<T>(
  core: VaultCore,
  action: RecordAction,
  tenantId: string,
  provider: ProviderRef,
  options: WriteOptions,
  run: (target: Target, entry: AuditEntry) => Promise<T>,
  operation: TracedOperation = action === 'purge' ? 'purgeHistory' : action,
): Promise<T> {
  if (!isTraced(operation)) return runAudited(core, action, tenantId, provider, options, run);
  const tracedRun = (context?: TraceContext) =>
    runAudited(core, action, tenantId, provider, options, async (target, entry) => {
      try {
        return await run(target, entry);
      } finally {
        noteSources(core, context, [entry]);
      }
    });
  return traced(operation, core.owner, tracedRun, () => traceFacts(tenantId, provider));
}

function runAudited<T>(
  core: VaultCore,
  action: AuditAction,
  tenantId: string,
  provider: ProviderRef,
  options: WriteOptions,
  run: (target: Target, entry: AuditEntry) => Promise<T>,
): Promise<T> {
  let target: Target;
  try {
    assertOptions(options);
    target = locate(core, tenantId, provider);
  } catch (error) {
    return auditRefusal(core, action, tenantId, provider, options, () => {
      throw error;
    });
  }
  return core.trail.run(auditSubject(action, target.ref, options), (entry) =>
    untilAborted(options.signal, () => run(target, entry)),
  );
}

/**
 * All records of a tenant, for an operation that leaves one audit event for each. Where there are
 * no records, or reading them fails, the event names the provider `*`.
 *
 * @param reserved - gets the records of this library itself [R8], by provider
 *
 * @internal
 */
export async function tenantRecords(
  core: VaultCore,
  action: AuditAction,
  tenantId: string,
  options: ReadOptions,
  reserved?: Map<string, RecordView>,
): Promise<RecordView[]> {
  const views = await auditRefusal(core, action, tenantId, ALL_PROVIDERS, options, () => {
    assertTenantId(tenantId);
    assertOptions(options);
    return untilAborted(options.signal, () => core.records.readTenant(tenantId, reserved));
  });
  if (views.length === 0) {
    const subject = auditSubject(action, { tenantId, provider: ALL_PROVIDERS }, options);
    await core.trail.record({ ...subject, outcome: 'ok' });
  }
  return views;
}

/**
 * Opens a record for a caller, and notes in the audit event which of its fields were read. As
 * {@link openVersion}, it returns at once when the key is at hand.
 *
 * @internal
 */
export function openAudited(
  core: VaultCore,
  view: RecordView,
  entry: AuditEntry,
): OpenedVersion | Promise<OpenedVersion> {
  entry.rev = view.rev;
  entry.keyId = view.keyId;
  const note = (opened: OpenedVersion) => {
    entry.fields = Object.keys(opened.fields);
    return opened;
  };
  const opened = openVersion(core, view.ref, view);
  return 'then' in opened ? opened.then(note) : note(opened);
}

/** Runs a check that precedes an operation, and leaves an event if it refuses. @internal */
export async function auditRefusal<T>(
  core: VaultCore,
  action: AuditAction,
  tenantId: unknown,
  provider: unknown,
  options: ReadOptions | undefined,
  check: () => T | Promise<T>,
): Promise<T> {
  try {
    return await check();
  } catch (error) {
    await recordRefusal(core, action, tenantId, provider, options, error);
    throw error;
  }
}

/** Leaves the event of an operation that was refused before its address was known to be good. @internal */
export function recordRefusal(
  core: VaultCore,
  action: AuditAction,
  tenantId: unknown,
  provider: unknown,
  options: ReadOptions | undefined,
  error: unknown,
): Promise<void> {
  return core.trail.failed(auditSubject(action, safeRef(tenantId, provider), options), error);
}

/** The address that was asked for, as it may be recorded. */
function safeRef(tenantId: unknown, provider: unknown): SecretRef {
  const name = (provider as { name?: unknown } | undefined)?.name ?? provider;
  return { tenantId: nameOrPlaceholder(tenantId), provider: nameOrPlaceholder(name) };
}

/** What the tracing channels say of an operation before it runs. @internal */
export function traceFacts(tenantId: unknown, provider?: unknown): TraceFacts {
  if (provider !== undefined) return safeRef(tenantId, provider);
  return { tenantId: nameOrPlaceholder(tenantId) };
}

/** Adds to the context of an operation whether the cache had the records that it has read. @internal */
export function noteSources(
  core: VaultCore,
  context: TraceContext | undefined,
  found: readonly { readonly source?: AuditEntry['source'] }[],
): void {
  if (context === undefined || !core.records.hasCache) return;
  const read = found.filter(({ source }) => source !== undefined);
  if (read.length === 0) return;
  context.records = read.length;
  context.cached = read.filter(({ source }) => source === 'cache').length;
}

/** @throws VaultError `ERR_INVALID_ARGUMENT` @internal */
export function locate(core: VaultCore, tenantId: unknown, provider: ProviderRef): Target {
  assertTenantId(tenantId);
  const { name, definition } = core.registry.resolve(provider);
  return { ref: { tenantId, provider: name }, definition };
}

/** What the audit trail says of an operation before it runs. @internal */
export function auditSubject(
  action: AuditAction,
  ref: SecretRef,
  options: ReadOptions | undefined,
): AuditSubject {
  const { actor, reason } = options ?? {};
  return {
    action,
    tenantId: ref.tenantId,
    provider: ref.provider,
    ...(isAuditText(actor) && { actor }),
    ...(isAuditText(reason) && { reason }),
  };
}

/** A tenant id or a provider for the audit trail. @internal */
export function nameOrPlaceholder(value: unknown): string {
  try {
    assertTenantId(value);
    return value;
  } catch {
    return NOT_A_NAME;
  }
}

/**
 * Runs `work`, and rejects as soon as `signal` is aborted, whether or not `work` ends.
 *
 * @internal
 */
export function untilAborted<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (signal === undefined) return work();
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(abortError(signal));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}

/** The error of an operation that its caller has aborted. @internal */
export function abortError(signal: AbortSignal): VaultError {
  const error = new VaultError('ERR_ABORTED', 'The operation was aborted by its caller.', {
    cause: signal.reason,
  });
  return Object.defineProperty(error, 'name', { value: 'AbortError' });
}

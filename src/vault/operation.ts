import type { AuditAction } from '../audit/audit-event.ts';
import type { AuditDetails, AuditEntry, AuditSubject } from '../audit/audit-trail.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import type { ProviderRef } from '../providers/fields.ts';
import { infoOf, type SecretInfo, type SecretRecord, versionOf } from '../record/record.ts';
import { assertTenantId, type SecretRef } from '../record/ref.ts';
import { type Credentials, redactedCredentials } from './credentials.ts';
import { assertOptions, type ReadOptions, type WriteOptions } from './operation-options.ts';
import type { OpenedVersion } from './sealer.ts';
import type { VaultCore } from './vault-core.ts';

/** Checked address of an operation, with the provider's definition. @internal */
export interface Target {
  readonly ref: SecretRef;
  readonly definition: ProviderDefinition | undefined;
}

/** In the audit trail: an operation on all records of a tenant. */
const ALL_PROVIDERS = '*';
/** In the audit trail: a tenant or provider that is no name. What came is not written anywhere. */
const NOT_A_NAME = '(invalid)';

/**
 * Checks what an operation on one record was called with, runs it, and leaves one audit event,
 * also of a refusal.
 *
 * @internal
 */
export async function operate<T>(
  core: VaultCore,
  action: AuditAction,
  tenantId: string,
  provider: ProviderRef,
  options: WriteOptions,
  run: (target: Target, entry: AuditEntry) => Promise<T>,
): Promise<T> {
  return core.trail.run(subjectOf(action, tenantId, provider, options), async (entry) => {
    const target = targetOf(core, tenantId, provider);
    assertOptions(options);
    return run(target, entry);
  });
}

/**
 * All records of a tenant, for an operation that leaves one audit event for each. Where there is
 * none of them, or it fails, the event is of the provider `*`.
 *
 * @internal
 */
export async function recordsOf(
  core: VaultCore,
  action: AuditAction,
  tenantId: string,
  options: ReadOptions,
): Promise<SecretRecord[]> {
  const subject = subjectOf(action, tenantId, ALL_PROVIDERS, options);
  const records = await check(core, subject, () => {
    assertTenantId(tenantId);
    assertOptions(options);
    return core.records.readTenant(tenantId);
  });
  if (records.length === 0) await core.trail.record({ ...subject, outcome: 'ok' });
  return records;
}

/** What is known of a tenant's records, which are not opened. @internal */
export async function listTenant(
  core: VaultCore,
  tenantId: string,
  options: ReadOptions,
): Promise<SecretInfo[]> {
  return core.trail.run(subjectOf('list', tenantId, ALL_PROVIDERS, options), async () => {
    assertTenantId(tenantId);
    assertOptions(options);
    return (await core.records.readTenant(tenantId)).map(infoOf);
  });
}

/** Runs a check that comes before an operation, and leaves an event of its refusal. @internal */
export async function check<T>(
  core: VaultCore,
  subject: AuditSubject,
  run: () => T | Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    await core.trail.failed(subject, error);
    throw error;
  }
}

/** @throws VaultError `ERR_INVALID_ARGUMENT` @internal */
export function targetOf(core: VaultCore, tenantId: unknown, provider: ProviderRef): Target {
  assertTenantId(tenantId);
  const { name, definition } = core.registry.resolve(provider);
  return { ref: { tenantId, provider: name }, definition };
}

/** What the audit trail says of an operation, whatever it was called with. @internal */
export function subjectOf(
  action: AuditAction,
  tenantId: unknown,
  provider: unknown,
  options: ReadOptions | undefined,
): AuditSubject {
  const name = (provider as { name?: unknown } | undefined)?.name ?? provider;
  const { actor, reason } = options ?? {};
  return {
    action,
    tenantId: nameOf(tenantId),
    provider: nameOf(name),
    ...(typeof actor === 'string' && { actor }),
    ...(typeof reason === 'string' && { reason }),
  };
}

function nameOf(value: unknown): string {
  try {
    assertTenantId(value);
    return value;
  } catch {
    return NOT_A_NAME;
  }
}

/** Opens a record that is to be found at `ref`, and notes in `details` what was opened. @internal */
export async function openRecord(
  core: VaultCore,
  ref: SecretRef,
  record: SecretRecord,
  details: AuditDetails,
): Promise<OpenedVersion> {
  const { rev, keyId } = infoOf(record);
  details.rev = rev;
  details.keyId = keyId;
  const opened = await core.sealer.open(ref, versionOf(record));
  details.fields = Object.keys(opened.fields);
  return opened;
}

/** {@link openRecord}, for the caller. @internal */
export async function toCredentials<P extends ProviderRef>(
  core: VaultCore,
  ref: SecretRef,
  record: SecretRecord,
  details: AuditDetails,
): Promise<Credentials<P>> {
  const { fields } = await openRecord(core, ref, record, details);
  return redactedCredentials<P>(fields, infoOf(record));
}

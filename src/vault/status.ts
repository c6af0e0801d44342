import { type AuditEntry, outcomeOf } from '../audit/audit-trail.ts';
import { audited, auditSubject, openAudited, type Target, tenantRecords } from '../core/audited.ts';
import type { ReadOptions } from '../core/options.ts';
import type { OpenedVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { isVaultError, type VaultErrorCode } from '../errors.ts';
import type { Environment } from '../keys/keyring.ts';
import { healthOf } from '../lifecycle/health.ts';
import type { CredentialHealth } from '../lifecycle/health-event.ts';
import { healthRef } from '../names.ts';
import { missingFields, type ProviderDefinition } from '../providers/define-provider.ts';
import {
  assertEnvironment,
  assertEnvOverride,
  type EnvOverride,
  environmentFields,
  environmentOverride,
} from '../providers/environment.ts';
import {
  emptyFields,
  type FieldMap,
  type FieldNameOf,
  type ProviderRef,
} from '../providers/fields.ts';
import { isSecret, mask } from '../providers/mask.ts';
import { decodeRecord, type RecordView, recordInfo, type SecretRef } from '../record.ts';

/**
 * The state of a tenant's credentials at a provider.
 *
 * - `configured`: the fields are enough to make a client. Without a definition any field is enough.
 * - `incomplete`: some fields are set, and those in `missing` are not. With `reason`
 *   `ERR_ENV_INCOMPLETE` the environment overrides only a part, and no client can be made.
 * - `missing`: no field is set.
 * - `unreadable`: the record cannot be opened; `reason` says why.
 * - `overridden`: clients use the environment. `fields`, `rev` and the others still describe the
 *   record, because a form changes the record.
 *
 * @public
 */
export type ProviderState = 'configured' | 'incomplete' | 'missing' | 'unreadable' | 'overridden';

/**
 * One field as a settings page shows it.
 *
 * @public
 */
export interface FieldStatus {
  /** Whether it has a value. */
  readonly set: boolean;
  /**
   * The value, or of a secret its mask: eight bullets, and the last 4 characters of a value of 12
   * or more. Absent without a value.
   */
  readonly masked?: string;
}

/**
 * The part of a tenant's credentials at a provider that may be shown.
 *
 * @public
 */
export interface ProviderStatus<P extends ProviderRef = string> {
  readonly provider: string;
  readonly state: ProviderState;
  /** The fields without which no client can be made: the shortest way to a complete set. */
  readonly missing: readonly string[];
  /** The defined fields, and others that the record holds. */
  readonly fields: { readonly [F in FieldNameOf<P>]: FieldStatus };
  /** 0 where there is no record, or one of the old system. */
  readonly rev: number;
  /** For `ifMatch` of a save; `null` where nothing is stored. */
  readonly etag: string | null;
  readonly keyId: string | undefined;
  readonly updatedAt: Date | undefined;
  readonly updatedBy?: string;
  /** When the credentials expire, for a provider whose definition has `refresh`. */
  readonly expiresAt?: Date;
  /** Whether they work, as far as is known; absent while nothing is known of them as they are. */
  readonly health?: CredentialHealth;
  /**
   * Whether the record is bound to its tenant [R3]. `unbound: 'refuse'` is safe once all records
   * are. `undefined` without a record, and where it cannot be opened.
   */
  readonly bound: boolean | undefined;
  /**
   * The code of the error behind the state: of opening the record, or `ERR_ENV_INCOMPLETE`.
   * `unexpected` for an error of other code, such as a `KeyProvider`.
   */
  readonly reason?: VaultErrorCode | 'unexpected';
  /** `reason` in words. */
  readonly detail?: string;
}

/**
 * Options of `status`.
 *
 * @public
 */
export interface StatusOptions extends ReadOptions {
  /** Where to look for an override. @defaultValue `process.env` */
  readonly env?: Environment;
  /** Who the environment overrides. @defaultValue `"default"`: the tenant of that name only */
  readonly envOverride?: EnvOverride;
}

/** An opened record, or the error of opening it. */
type Stored = {
  readonly view: RecordView;
  readonly health?: CredentialHealth | undefined;
} & (OpenedVersion | { readonly error: unknown });

/** The status of one provider. @internal */
export async function statusOfOne(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  options: StatusOptions,
): Promise<ProviderStatus> {
  return audited(core, 'status', tenantId, provider, options, async (target, entry) => {
    const { view, health } = await readWithHealth(core, target.ref);
    return statusOf(target, view && (await openForStatus(core, view, health, entry)), options);
  });
}

/** The status of every provider that is defined, or of which the tenant has a record. @internal */
export async function statusOfAll(
  core: VaultCore,
  tenantId: string,
  options: StatusOptions,
): Promise<ProviderStatus[]> {
  const reserved = new Map<string, RecordView>();
  const views = await tenantRecords(core, 'status', tenantId, options, reserved);
  const found = new Map(views.map((view) => [view.ref.provider, view]));
  const names = new Set([...core.registry.all().map(({ name }) => name), ...found.keys()]);
  return Promise.all(
    [...names].map((provider) => {
      const target = { ref: { tenantId, provider }, definition: core.registry.find(provider) };
      const view = found.get(provider);
      const health = reserved.get(healthRef(target.ref).provider);
      // Without a record there was nothing to read, and so nothing to audit.
      if (view === undefined) return statusOf(target, undefined, options);
      return core.trail.run(auditSubject('status', target.ref, options), async (entry) =>
        statusOf(target, await openForStatus(core, view, health, entry), options),
      );
    }),
  );
}

/** A record as the store has it now, and the record of its health, in one round trip. */
async function readWithHealth(core: VaultCore, ref: SecretRef) {
  const own = healthRef(ref);
  const views = (await core.store.getMany([ref, own], { history: false })).map(decodeRecord);
  const health = views.find((view) => view.ref.provider === own.provider);
  const view = views.find((view) => view.ref.provider === ref.provider);
  // Not stored, it may still be in the old settings.
  const known = view !== undefined || core.importOnFirstUse === undefined;
  return { view: known ? view : (await core.records.readFresh(ref)).view, health };
}

async function openForStatus(
  core: VaultCore,
  view: RecordView,
  healthRecord: RecordView | undefined,
  entry: AuditEntry,
): Promise<Stored> {
  const health = await healthOf(core, view, healthRecord);
  try {
    return { view, health, ...(await openAudited(core, view, entry)) };
  } catch (error) {
    Object.assign(entry, outcomeOf(error)); // the caller gets a status, the auditor the error
    return { view, health, error };
  }
}

/** @throws VaultError `ERR_INVALID_ARGUMENT` @internal */
export function assertStatusOptions({ env, envOverride }: StatusOptions): void {
  assertEnvironment(env);
  assertEnvOverride(envOverride);
}

/**
 * @throws VaultError `ERR_INVALID_ARGUMENT` for the options; never because of the record
 * @internal
 */
export function statusOf(
  { ref, definition }: Target,
  stored: Stored | undefined,
  options: StatusOptions,
): ProviderStatus {
  const opened = stored !== undefined && 'fields' in stored ? stored : undefined;
  const error = stored !== undefined && 'error' in stored ? stored.error : undefined;
  const fields = opened?.fields ?? emptyFields();
  const missing = definition ? missingFields(definition, (field) => Boolean(fields[field])) : [];
  const info = stored && recordInfo(stored.view);
  return {
    provider: ref.provider,
    missing,
    ...(error !== undefined
      ? { state: 'unreadable', ...reasonFor(error) }
      : { state: stateFor(fields, missing) }),
    ...overrideStatus(ref.tenantId, definition, options),
    fields: fieldStatuses(fields, definition),
    rev: info?.rev ?? 0,
    etag: info?.etag ?? null,
    keyId: info?.keyId,
    updatedAt: info?.updatedAt,
    ...(info?.updatedBy !== undefined && { updatedBy: info.updatedBy }),
    ...(info?.expiresAt !== undefined && { expiresAt: info.expiresAt }),
    ...(stored?.health !== undefined && { health: stored.health }),
    bound: isVaultError(error, 'ERR_UNBOUND') ? false : opened?.bound,
  };
}

function stateFor(fields: FieldMap, missing: readonly string[]): ProviderState {
  if (!Object.values(fields).some(Boolean)) return 'missing';
  return missing.length === 0 ? 'configured' : 'incomplete';
}

function overrideStatus(
  tenantId: string,
  definition: ProviderDefinition | undefined,
  { env, envOverride }: StatusOptions,
): Pick<ProviderStatus, 'state' | 'missing' | 'reason' | 'detail'> | undefined {
  if (definition === undefined) return undefined;
  try {
    const override = environmentOverride(definition, tenantId, env, envOverride);
    return override && { state: 'overridden', missing: [] };
  } catch (error) {
    if (!isVaultError(error, 'ERR_ENV_INCOMPLETE')) throw error;
    const found = environmentFields(definition, env);
    const missing = missingFields(definition, (field) => field in found);
    return { state: 'incomplete', missing, ...reasonFor(error) };
  }
}

function fieldStatuses(
  fields: FieldMap,
  definition: ProviderDefinition | undefined,
): Record<string, FieldStatus> {
  const names = new Set([...Object.keys(definition?.fields ?? {}), ...Object.keys(fields)]);
  const statuses = [...names].map((field): [string, FieldStatus] => {
    const value = fields[field];
    if (!value) return [field, { set: false }];
    return [field, { set: true, masked: isSecret(field, definition) ? mask(value) : value }];
  });
  return Object.fromEntries(statuses);
}

function reasonFor(error: unknown): Pick<ProviderStatus, 'reason' | 'detail'> {
  if (isVaultError(error)) return { reason: error.code, detail: error.message };
  return { reason: 'unexpected', detail: 'The record could not be opened.' };
}

import { type AuditDetails, outcomeOf } from '../audit/audit-trail.ts';
import { isVaultError, type VaultErrorCode } from '../errors.ts';
import type { Environment } from '../keys/keyring.ts';
import { missingFields, type ProviderDefinition } from '../providers/define-provider.ts';
import {
  type EnvOverride,
  environmentFields,
  environmentOverride,
} from '../providers/environment.ts';
import { emptyFields, type FieldMap, type ProviderRef } from '../providers/fields.ts';
import { isSecret, mask } from '../providers/mask.ts';
import { infoOf, type SecretInfo, type SecretRecord } from '../record/record.ts';
import { openRecord, operate, recordsOf, subjectOf, type Target } from './operation.ts';
import type { ReadOptions } from './operation-options.ts';
import type { OpenedVersion } from './sealer.ts';
import type { VaultCore } from './vault-core.ts';

/**
 * What can be said of a tenant's credentials at a provider.
 *
 * - `configured`: enough is there to make a client; of a provider without a definition, anything.
 * - `incomplete`: some fields are there, and `missing` are not; or, with `reason`
 *   `ERR_ENV_INCOMPLETE`, the environment overrides a part only, and no client can be made.
 * - `missing`: no field is there.
 * - `unreadable`: there is a record, and it cannot be opened; `reason` says why.
 * - `overridden`: clients use the environment. `fields`, `rev` and the like are of the record all
 *   the same: it is what a form changes.
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
  /** Whether there is a value. */
  readonly set: boolean;
  /**
   * The value of a field that is not secret; of a secret, eight bullets and the last 4 characters
   * of a value of 12 or more. Absent where nothing is set.
   */
  readonly masked?: string;
}

/**
 * A tenant's credentials at a provider, as far as they may be shown.
 *
 * @public
 */
export interface ProviderStatus {
  readonly provider: string;
  readonly state: ProviderState;
  /** The fields without which no client can be made: the shortest way to a complete set. */
  readonly missing: readonly string[];
  /** The defined fields, and others that the record holds. */
  readonly fields: Readonly<Record<string, FieldStatus>>;
  /** 0 where there is no record, or one of the old system. For `expectedRev` of a save. */
  readonly rev: number;
  readonly keyId: string | undefined;
  readonly updatedAt: Date | undefined;
  readonly updatedBy?: string;
  /**
   * Whether the record is bound to its tenant [R3]. While one of them is not, `unbound: 'refuse'`
   * is not safe. `undefined` where there is no record, or it cannot be told.
   */
  readonly bound: boolean | undefined;
  /**
   * The code of the error, where the state comes from one: what opening the record failed with, or
   * `ERR_ENV_INCOMPLETE`. `unexpected` for an error that is none of this library's, as of a
   * `KeyProvider`.
   */
  readonly reason?: VaultErrorCode | 'unexpected';
  /** `reason` in words, for people. */
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

/** What is stored, or why it cannot be said. */
type Stored =
  | (OpenedVersion & { readonly info: SecretInfo })
  | { readonly error: unknown; readonly info: SecretInfo };

/** The status of one provider. @internal */
export async function statusOfOne(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  options: StatusOptions,
): Promise<ProviderStatus> {
  return operate(core, 'status', tenantId, provider, options, async (target, entry) => {
    const record = await core.records.readFresh(target.ref);
    return statusOf(target, await readStored(core, target, record, entry), options);
  });
}

/** The status of every provider that is defined, or of which there is a record. @internal */
export async function statusOfAll(
  core: VaultCore,
  tenantId: string,
  options: StatusOptions,
): Promise<ProviderStatus[]> {
  const records = await recordsOf(core, 'status', tenantId, options);
  const found = new Map(records.map((record) => [record.provider, record]));
  const names = new Set([...core.registry.all().map(({ name }) => name), ...found.keys()]);
  return Promise.all(
    [...names].map((provider) => {
      const target = { ref: { tenantId, provider }, definition: core.registry.find(provider) };
      const record = found.get(provider);
      // Where there is no record, nothing was looked at that an auditor asks for.
      if (record === undefined) return statusOf(target, undefined, options);
      return core.trail.run(subjectOf('status', tenantId, provider, options), async (entry) =>
        statusOf(target, await readStored(core, target, record, entry), options),
      );
    }),
  );
}

async function readStored(
  core: VaultCore,
  target: Target,
  record: SecretRecord | undefined,
  details: AuditDetails,
): Promise<Stored | undefined> {
  if (record === undefined) return undefined;
  const info = infoOf(record);
  try {
    return { ...(await openRecord(core, target.ref, record, details)), info };
  } catch (error) {
    Object.assign(details, outcomeOf(error)); // no error for the caller, but one for an auditor
    return { error, info };
  }
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
  const fields = stored !== undefined && 'fields' in stored ? stored.fields : emptyFields();
  const error = stored !== undefined && 'error' in stored ? stored.error : undefined;
  const missing = definition ? missingFields(definition, (field) => Boolean(fields[field])) : [];
  const { rev = 0, keyId, updatedAt, updatedBy } = stored?.info ?? {};
  return {
    provider: ref.provider,
    missing,
    ...(error !== undefined
      ? { state: 'unreadable', ...reasonOf(error) }
      : { state: stateOf(fields, missing) }),
    ...overrideOf(ref.tenantId, definition, options),
    fields: fieldsOf(fields, definition),
    rev,
    keyId,
    updatedAt,
    ...(updatedBy !== undefined && { updatedBy }),
    bound: isVaultError(error, 'ERR_UNBOUND') ? false : boundOf(stored),
  };
}

function stateOf(fields: FieldMap, missing: readonly string[]): ProviderState {
  if (!Object.values(fields).some(Boolean)) return 'missing';
  return missing.length === 0 ? 'configured' : 'incomplete';
}

function overrideOf(
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
    return { state: 'incomplete', missing, ...reasonOf(error) };
  }
}

function fieldsOf(
  fields: FieldMap,
  definition: ProviderDefinition | undefined,
): Record<string, FieldStatus> {
  const names = new Set([...Object.keys(definition?.fields ?? {}), ...Object.keys(fields)]);
  const shown = [...names].map((field): [string, FieldStatus] => {
    const value = fields[field];
    if (!value) return [field, { set: false }];
    return [field, { set: true, masked: isSecret(field, definition) ? mask(value) : value }];
  });
  return Object.fromEntries(shown);
}

function reasonOf(error: unknown): Pick<ProviderStatus, 'reason' | 'detail'> {
  if (isVaultError(error)) return { reason: error.code, detail: error.message };
  return { reason: 'unexpected', detail: 'The record could not be opened.' };
}

function boundOf(stored: Stored | undefined): boolean | undefined {
  return stored !== undefined && 'bound' in stored ? stored.bound : undefined;
}

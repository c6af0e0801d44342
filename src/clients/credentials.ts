import type { AuditEntry } from '../audit/audit-trail.ts';
import { auditRefusal, auditSubject, noteSources, openAudited } from '../core/audited.ts';
import type { FoundRecord } from '../core/cached-records.ts';
import { assertOptions } from '../core/options.ts';
import { isTraced, traced } from '../core/tracing.ts';
import { coreOf, type VaultCore } from '../core/vault-core.ts';
import { invalidArgument, VaultError } from '../errors.ts';
import type { Environment } from '../keys/keyring.ts';
import type { Current } from '../lifecycle/refresh.ts';
import { assertTenantId, describeType } from '../names.ts';
import {
  missingFields,
  type ProviderDefinition,
  type RequiredField,
} from '../providers/define-provider.ts';
import { DEFAULT_TENANT, type EnvOverride, environmentOverride } from '../providers/environment.ts';
import type { RecordView } from '../record.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';

/**
 * Options that every client factory takes.
 *
 * @public
 */
export interface ClientOptions {
  /**
   * The tenant. Left out, it is `"default"`; an explicit `undefined` is rejected, because it is a lost
   * tenant id and must not become another tenant's client.
   */
  readonly tenantId?: string;
  /** Where to look for an override. @defaultValue `process.env` */
  readonly env?: Environment;
  /** Who the environment overrides. @defaultValue `"default"`: the tenant of that name only */
  readonly envOverride?: EnvOverride;
  /** Who asks, for the audit trail; at most 1,024 characters. */
  readonly actor?: string;
  /** Why, for the audit trail; at most 1,024 characters. */
  readonly reason?: string;
}

/**
 * The credentials a client is built from: complete, from one source, in the clear. `R` names the
 * fields that are in every complete set.
 *
 * @public
 */
export interface ResolvedCredentials<F extends string = string, R extends F = never> {
  readonly tenantId: string;
  readonly source: 'environment' | 'vault';
  readonly fields: { readonly [K in F]?: string } & { readonly [K in R]: string };
  /**
   * Call it with the HTTP status of each answer of the provider, and the vault knows the `health` of
   * the credentials: 401 means that they are refused. Absent where they are not from the vault.
   */
  readonly answered?: (status: number) => Promise<void> | undefined;
}

/** Sets of fields; credentials need one of them. @internal */
export type FieldSets = readonly (readonly string[])[];

/** What a caller asks for: checked options, with the environment's override if it applies. @internal */
export interface CredentialsQuery {
  readonly core: VaultCore;
  readonly definition: ProviderDefinition;
  readonly tenantId: string;
  readonly options: ClientOptions;
  readonly override: Readonly<Record<string, string>> | undefined;
}

/**
 * Checks the options of a client, and looks for an override in the environment. It leaves no audit
 * event.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`, `ERR_ENV_INCOMPLETE`
 * @internal
 */
export function prepareQuery(
  core: VaultCore,
  definition: ProviderDefinition,
  options: ClientOptions,
): CredentialsQuery {
  assertOptions(options);
  if ('tenantId' in options) assertTenantId(options.tenantId); // undefined is a lost tenant id
  const { tenantId = DEFAULT_TENANT, env, envOverride } = options;
  const override = environmentOverride(definition, tenantId, env, envOverride);
  return { core, definition, tenantId, options, override };
}

/** {@link prepareQuery}, with an audit event of a refusal. @internal */
export function credentialsQuery(
  vault: SecretsVault,
  definition: ProviderDefinition,
  options: ClientOptions,
): CredentialsQuery | Promise<never> {
  const core = coreOf(vault);
  assertObject(options);
  try {
    return prepareQuery(core, definition, options);
  } catch (error) {
    const { tenantId = 'tenantId' in options ? undefined : DEFAULT_TENANT } = options;
    return auditRefusal(core, 'get', tenantId, definition, options, () => {
      throw error;
    });
  }
}

/** Reads the credentials of a tenant from the vault, with an audit event. @internal */
export function auditedRead<T>(
  { core, definition, tenantId, options }: CredentialsQuery,
  read: (entry: AuditEntry) => Promise<T>,
): Promise<T> {
  const ref = { tenantId, provider: definition.name };
  const subject = auditSubject('get', ref, options);
  if (!isTraced('get')) return core.trail.run(subject, read);
  return traced(
    'get',
    core.owner,
    (context) =>
      core.trail.run(subject, async (entry) => {
        try {
          return await read(entry);
        } finally {
          noteSources(core, context, [entry]);
        }
      }),
    () => ref,
  );
}

/** Leaves the audit event of an override. @internal */
export async function recordOverride(query: CredentialsQuery): Promise<void> {
  const { core, definition, tenantId, options, override = {} } = query;
  await core.trail.record({
    ...auditSubject('override', { tenantId, provider: definition.name }, options),
    fields: Object.keys(override),
    outcome: 'ok',
    source: 'environment',
  });
}

/** Stored fields, and what identifies them. @internal */
export interface StoredFields {
  readonly fields: Readonly<Record<string, string>>;
  readonly content: string;
  readonly etag?: string;
  /** Whether they were renewed on the way. */
  readonly renewed?: boolean;
}

/**
 * The stored fields of a tenant, if they hold one of the sets `needed`. Where they do not, the old
 * settings may have the rest.
 *
 * @param record - the record, where it was read already
 * @throws VaultError `ERR_NOT_CONFIGURED`, and the errors of reading the vault: a store that cannot
 * be reached never lets the environment in
 * @internal
 */
export async function storedFields(
  query: CredentialsQuery,
  needed: FieldSets,
  entry: AuditEntry,
  record?: FoundRecord,
): Promise<StoredFields> {
  const { core, definition, tenantId } = query;
  const ref = { tenantId, provider: definition.name };
  const read = async (known?: FoundRecord): Promise<StoredFields> => {
    const { view: found, source } = known ?? (await core.records.read(ref));
    entry.source = source;
    if (found === undefined) return { fields: {}, content: '' };
    const stored = { view: found, fields: (await openAudited(core, found, entry)).fields };
    const { view, fields } = definition.refresh ? await renewed(query, stored) : stored;
    return { fields, content: sealedContent(view), etag: view.etag, renewed: view !== found };
  };
  const complete = { ...definition, complete: needed };
  const lacking = (fields: Readonly<Record<string, string>>) =>
    missingFields(complete, (field) => Boolean(fields[field]));
  let found = await read(record);
  if (lacking(found.fields).length > 0 && (await core.importOnFirstUse?.(tenantId))) {
    found = await read();
  }
  assertComplete(query, lacking(found.fields));
  return found;
}

async function renewed({ core, definition, options }: CredentialsQuery, stored: Current) {
  const { renewIfDue } = await import('../lifecycle/refresh.ts');
  const { actor, reason } = options;
  const by = { ...(actor !== undefined && { actor }), ...(reason !== undefined && { reason }) };
  return renewIfDue(core, definition, stored, by);
}

/**
 * Identifies the content of a record without opening it: the sealed text, and what opening it checks
 * that text against.
 *
 * @internal
 */
export function sealedContent({ data, rev, keyId }: RecordView): string {
  return `${rev}\n${keyId}\n${data}`;
}

/**
 * The credentials of a tenant, complete and from one source, with one audit event.
 *
 * @param needed - sets of fields; the credentials must hold one of them. Whether the environment overrides is
 * decided by `definition` in any case, so that one tenant has one source whatever it is needed for.
 * @throws VaultError `ERR_ENV_INCOMPLETE`, `ERR_NOT_CONFIGURED`, `ERR_INVALID_ARGUMENT`, and the errors
 * of reading the vault
 * @internal
 */
export async function resolveCredentials<
  F extends string,
  const S extends readonly (readonly F[])[],
  const N extends readonly (readonly NoInfer<F>[])[] = S,
>(
  vault: SecretsVault,
  definition: ProviderDefinition<string, F, S>,
  options: ClientOptions,
  needed?: N,
): Promise<ResolvedCredentials<F, RequiredField<F, N>> & { readonly etag?: string | undefined }> {
  type Fields = ResolvedCredentials<F, RequiredField<F, N>>['fields'];
  const query = await credentialsQuery(vault, definition, options);
  const { core, tenantId, override } = query;
  const sets = needed ?? definition.complete;
  if (override !== undefined) {
    await recordOverride(query);
    const has = (field: string) => Boolean(override[field]);
    await auditRefusal(core, 'get', tenantId, definition, options, () =>
      assertComplete(query, missingFields({ ...definition, complete: sets }, has)),
    );
    return { tenantId, source: 'environment', fields: override as unknown as Fields };
  }
  return auditedRead(query, async (entry) => {
    const { fields, etag } = await storedFields(query, sets, entry);
    return { tenantId, source: 'vault', fields: fields as unknown as Fields, etag };
  });
}

/**
 * Rejects anything but an object: a bare tenant id would be taken for "no options", which means the
 * tenant `default`.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function assertObject(options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidArgument(`The options must be an object, not ${describeType(options)}.`);
  }
}

/** @throws VaultError `ERR_NOT_CONFIGURED` naming the missing fields @internal */
export function assertComplete(
  { core, definition, tenantId, options, override }: CredentialsQuery,
  missing: readonly string[],
): void {
  if (missing.length === 0) return;
  const settings = core.importOnFirstUse ? 'the old settings, ' : '';
  const places =
    override !== undefined
      ? 'the environment, which overrides the vault'
      : `${settings}${placesLookedIn(tenantId, options.envOverride)}`;
  throw new VaultError(
    'ERR_NOT_CONFIGURED',
    `Tenant "${tenantId}" has no usable ${definition.name} credentials: ${missing.join(', ')} missing. Looked in ${places}.`,
  );
}

function placesLookedIn(tenantId: string, override: EnvOverride | undefined): string {
  const environment = override === 'all' || (override !== false && tenantId === DEFAULT_TENANT);
  return environment
    ? 'the environment and the vault'
    : 'the vault (the environment does not override this tenant)';
}

import { invalidArgument, VaultError } from '../errors.ts';
import type { Environment } from '../keys/keyring.ts';
import { missingFields, type ProviderDefinition } from './define-provider.ts';
import { emptyFields, type FieldMap } from './fields.ts';

/**
 * The tenant of a single-tenant installation, and of the old system.
 *
 * @public
 */
export const DEFAULT_TENANT = 'default';

/**
 * Who the environment overrides: the tenant `default` only, `all` tenants, or no tenant.
 *
 * @public
 */
export type EnvOverride = 'default' | 'all' | false;

/**
 * The credentials that the environment holds for a provider: for emergencies, so all or nothing.
 *
 * It applies as soon as one variable of a complete set is set. Variables of other fields (a phone
 * number, say) are then used too, but do not make it apply on their own.
 *
 * @returns `undefined` when none is set, or the override is not for this tenant
 * @throws VaultError `ERR_ENV_INCOMPLETE` naming the missing variables
 * @internal
 */
export function environmentOverride(
  definition: ProviderDefinition,
  tenantId: string,
  env: Environment = process.env,
  override: EnvOverride = 'default',
): FieldMap | undefined {
  assertEnvOverride(override);
  assertEnvironment(env);
  if (override === false) return undefined;
  if (override === 'default' && tenantId !== DEFAULT_TENANT) return undefined;

  const fields = environmentFields(definition, env);
  const isSet = (field: string) => field in fields;
  if (!definition.complete.flat().some(isSet)) return undefined;
  if (missingFields(definition, isSet).length > 0) {
    throw new VaultError('ERR_ENV_INCOMPLETE', incompleteMessage(definition, isSet));
  }
  return fields;
}

/** @internal */
export function assertEnvironment(env: unknown): void {
  if (env !== undefined && (typeof env !== 'object' || env === null)) {
    throw invalidArgument('env must be an object.');
  }
}

/** @internal */
export function assertEnvOverride(override: unknown): void {
  if (![undefined, 'default', 'all', false].includes(override as EnvOverride | undefined)) {
    throw invalidArgument('envOverride must be "default", "all" or false.');
  }
}

/**
 * The fields of a provider that the environment holds, complete or not.
 *
 * @internal
 */
export function environmentFields(
  definition: ProviderDefinition,
  env: Environment = process.env,
): FieldMap {
  const fields = emptyFields();
  for (const [field, { env: variable }] of Object.entries(definition.fields)) {
    const value = variable === undefined ? undefined : env[variable]?.trim();
    if (value) fields[field] = value;
  }
  return fields;
}

function incompleteMessage(
  definition: ProviderDefinition,
  isSet: (field: string) => boolean,
): string {
  const variable = (field: string) => definition.fields[field]?.env ?? `(no variable for ${field})`;
  const found = new Set(definition.complete.flat().filter(isSet).map(variable));
  const ways = definition.complete.map((set) =>
    set
      .filter((field) => !isSet(field))
      .map(variable)
      .join(' and '),
  );
  return `The environment sets ${[...found].join(', ')}, which is not enough for ${definition.name}. Missing: ${ways.join(', or ')}. Set them, or unset all of them to use the stored credentials.`;
}

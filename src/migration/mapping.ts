import { invalidArgument } from '../errors.ts';
import { assertFieldName, assertProviderName } from '../names.ts';
import type { ProviderRegistry } from '../providers/registry.ts';

/**
 * Where the fields of old settings go: name of the old field → provider and field, as an object or
 * as `"provider.field"`.
 *
 * @example
 * ```ts
 * const mapping = {
 *   twilio_sid: 'twilio.accountSid',
 *   stripe_key: { provider: 'stripe', field: 'secretKey' },
 * };
 * await migrateFromSettings(vault, { settings: db.collection('settings'), mapping });
 * ```
 * @public
 */
export type SettingsMapping = Readonly<
  Record<string, string | { readonly provider: string; readonly field: string }>
>;

/** Where one old field goes, and the form that its definition asks for. @internal */
export interface MappedField {
  readonly provider: string;
  readonly field: string;
  readonly pattern: RegExp | undefined;
}

/** A checked {@link SettingsMapping}, by the name of the old field. @internal */
export type ResolvedMapping = ReadonlyMap<string, MappedField>;

// Secrets of the old settings that belong to no provider [L1]: kept under their own name.
const KEYS_WITHOUT_PROVIDER = ['facebook_webhook_verify_token', 'api_key'];

/**
 * The mapping to use: the one given, else every flat key of the vault's definitions and the other
 * secrets of [L1].
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function resolveMapping(
  mapping: SettingsMapping | undefined,
  registry: ProviderRegistry,
): ResolvedMapping {
  if (mapping !== undefined) return checkedMapping(mapping, registry);
  const resolved = new Map<string, MappedField>();
  for (const key of KEYS_WITHOUT_PROVIDER) {
    resolved.set(key, { provider: 'custom', field: key, pattern: undefined });
  }
  for (const { name: provider, fields } of registry.all()) {
    for (const [field, { settingsKey, pattern }] of Object.entries(fields)) {
      if (settingsKey !== undefined) resolved.set(settingsKey, { provider, field, pattern });
    }
  }
  return resolved;
}

function checkedMapping(mapping: SettingsMapping, registry: ProviderRegistry): ResolvedMapping {
  if (typeof mapping !== 'object' || mapping === null) {
    throw invalidArgument('mapping must be an object: old field → "provider.field".');
  }
  const entries = Object.entries(mapping).map(([key, target]): [string, MappedField] => {
    if (key === '' || key.startsWith('$') || key.includes('.')) {
      throw invalidArgument(
        'mapping: the name of an old field is empty, has a dot or begins with $.',
      );
    }
    const [provider, field] =
      typeof target === 'string' ? splitTarget(target) : [target?.provider, target?.field];
    assertProviderName(provider);
    assertFieldName(field, provider);
    const { fields = {} } = registry.find(provider) ?? {};
    const pattern = Object.hasOwn(fields, field) ? fields[field]?.pattern : undefined;
    return [key, { provider, field, pattern }];
  });
  return new Map(entries);
}

function splitTarget(target: string): [string, string] {
  const dot = target.lastIndexOf('.');
  return [target.slice(0, Math.max(dot, 0)), target.slice(dot + 1)];
}

import { invalidArgument } from '../errors.ts';
import type { ProviderRegistry } from '../providers/registry.ts';
import { assertFieldName, assertProviderName } from '../record/ref.ts';

/**
 * Where the fields of old settings go: name of the old field → provider and field, as an object or
 * as `"provider.field"`.
 *
 * @example
 * ```ts
 * { twilio_sid: 'twilio.accountSid', stripe_key: { provider: 'stripe', field: 'secretKey' } }
 * ```
 * @public
 */
export type SettingsMapping = Readonly<
  Record<string, string | { readonly provider: string; readonly field: string }>
>;

/** A checked {@link SettingsMapping}. @internal */
export type ResolvedMapping = ReadonlyMap<string, { provider: string; field: string }>;

// Secrets of the old settings that belong to no provider [L1]: kept under their own name.
const KEYS_WITHOUT_PROVIDER = ['facebook_webhook_verify_token', 'api_key'];

/**
 * The mapping to use: the one given, else every flat key of the vault's definitions and the other
 * secrets of [L1].
 *
 * @internal
 */
export function resolveMapping(
  mapping: SettingsMapping | undefined,
  registry: ProviderRegistry,
): ResolvedMapping {
  if (mapping !== undefined) return checkedMapping(mapping);
  const resolved = new Map<string, { provider: string; field: string }>();
  for (const field of KEYS_WITHOUT_PROVIDER) resolved.set(field, { provider: 'custom', field });
  for (const { name, fields } of registry.all()) {
    for (const [field, { settingsKey }] of Object.entries(fields)) {
      if (settingsKey !== undefined) resolved.set(settingsKey, { provider: name, field });
    }
  }
  return resolved;
}

function checkedMapping(mapping: SettingsMapping): ResolvedMapping {
  if (typeof mapping !== 'object' || mapping === null) {
    throw invalidArgument('mapping must be an object: old field → "provider.field".');
  }
  return new Map(
    Object.entries(mapping).map(([key, target]) => {
      if (key === '' || key.startsWith('$') || key.includes('.')) {
        throw invalidArgument(
          'mapping: the name of an old field is empty, has a dot or begins with $.',
        );
      }
      const [provider, field] =
        typeof target === 'string' ? splitTarget(target) : [target?.provider, target?.field];
      assertProviderName(provider);
      assertFieldName(field, provider);
      return [key, { provider, field }];
    }),
  );
}

function splitTarget(target: string): [string, string] {
  const dot = target.lastIndexOf('.');
  return [target.slice(0, Math.max(dot, 0)), target.slice(dot + 1)];
}

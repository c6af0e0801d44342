import { AsyncCache } from '../core/async-cache.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import type { ProviderRegistry } from '../providers/registry.ts';
import { resolveMapping } from './mapping.ts';
import { assertSettingsOptions, isSource, type SettingsOptions } from './settings-options.ts';
import type { TenantSettings } from './tenant-import.ts';

// When a tenant falls out of this memory, the mark in the store still says that it was imported.
const REMEMBERED = 10_000;
/** How long a tenant without settings, or with a record that cannot be opened, is left alone. */
const RECHECK_MS = 30_000;

/** A tenant that need not be looked at until then. */
interface Checked {
  readonly until: number;
}

/** The old settings of a vault's tenants. @internal */
export interface OldSettings {
  /**
   * Imports a tenant's settings before the tenant is used for the first time. Callers at the same time
   * share one import; where a source fails it throws, and the next call tries again.
   *
   * @returns whether the store may hold more than before
   */
  importOnFirstUse(core: VaultCore, tenantId: string): Promise<boolean>;
  /** How many plaintext fields of a tenant there are. */
  countPlaintext(tenantId: string): Promise<number>;
}

/**
 * @param now - the clock, in milliseconds
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function openOldSettings(
  settings: SettingsOptions['settings'] | SettingsOptions,
  registry: ProviderRegistry,
  now: () => number = () => performance.now(),
): OldSettings {
  const options = optionsOf(settings);
  assertSettingsOptions(options);
  const mapping = resolveMapping(options.mapping, registry);
  const checked = new AsyncCache<Checked>({ max: REMEMBERED, now });
  let opened: Promise<TenantSettings> | undefined;
  const open = () => {
    opened ??= import('./tenant-import.ts').then(({ openTenantSettings }) =>
      openTenantSettings(options, mapping, { ttlMs: RECHECK_MS, now }),
    );
    return opened;
  };
  return {
    importOnFirstUse: async (core, tenantId) => {
      const known = checked.kept(tenantId);
      if (known !== undefined) {
        if (now() < known.until) return false;
        checked.delete(tenantId);
      }
      await checked.get(tenantId, async () => {
        const done = await (await open()).importTenant(core, tenantId);
        return { until: done ? Number.POSITIVE_INFINITY : now() + RECHECK_MS };
      });
      return true;
    },
    countPlaintext: async (tenantId) => (await open()).countPlaintext(tenantId),
  };
}

/** The option `settings` of a vault: a source, or where it is and how it is read. */
function optionsOf(settings: SettingsOptions['settings'] | SettingsOptions): SettingsOptions {
  if (isSource(settings)) return { settings };
  if (settings && Object.hasOwn(settings, 'settings')) return settings;
  throw invalidArgument('settings must be a MongoDB collection, a SettingsSource, or options.');
}

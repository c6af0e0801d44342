import { AsyncCache } from '../core/async-cache.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import type { ProviderRegistry } from '../providers/registry.ts';
import { resolveMapping } from './mapping.ts';
import { assertSettingsOptions, type SettingsOptions } from './settings-options.ts';

// When a tenant falls out of this memory, the mark in the store still says that it was imported.
const REMEMBERED = 10_000;
/** How long a tenant without settings, or with a record that cannot be opened, is left alone. */
const RECHECK_MS = 30_000;

/** A tenant that need not be looked at until then. */
interface Checked {
  readonly until: number;
}

/**
 * Makes the function that imports a tenant's old settings before the tenant is used for the first
 * time. Concurrent callers share one import. If a source fails, it throws, and the next call tries
 * again.
 *
 * @param now - the clock, in milliseconds
 * @returns a function that tells whether the store may hold more than before
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function createImportOnFirstUse(
  settings: SettingsOptions['settings'] | SettingsOptions,
  registry: ProviderRegistry,
  now: () => number = () => performance.now(),
): (core: VaultCore, tenantId: string) => Promise<boolean> {
  const options = optionsOf(settings);
  assertSettingsOptions(options);
  const mapping = resolveMapping(options.mapping, registry);
  const checked = new AsyncCache<Checked>({ max: REMEMBERED, now });
  let importer: Promise<(core: VaultCore, tenantId: string) => Promise<boolean>> | undefined;
  return async (core, tenantId) => {
    const known = checked.kept(tenantId);
    if (known !== undefined) {
      if (now() < known.until) return false;
      checked.delete(tenantId);
    }
    await checked.get(tenantId, async () => {
      importer ??= import('./tenant-import.ts').then(({ createTenantImport }) =>
        createTenantImport(options, mapping, { ttlMs: RECHECK_MS, now }),
      );
      const done = await (await importer)(core, tenantId);
      return { until: done ? Number.POSITIVE_INFINITY : now() + RECHECK_MS };
    });
    return true;
  };
}

/** The option `settings` of a vault: a source, or where it is and how it is read. */
function optionsOf(settings: SettingsOptions['settings'] | SettingsOptions): SettingsOptions {
  if (settings === null || !['object', 'function'].includes(typeof settings)) {
    throw invalidArgument('settings must be a MongoDB collection, a SettingsSource, or options.');
  }
  const isOptions = Object.hasOwn(settings, 'settings') && !('find' in settings);
  return isOptions ? (settings as SettingsOptions) : { settings: settings as never };
}

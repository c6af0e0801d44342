import { AsyncCache } from '../cache/async-cache.ts';
import { invalidArgument, VaultError } from '../errors.ts';
import { MIGRATED_MARK } from '../record/ref.ts';
import { bundlesOf, type RecordWriter, writeBundles } from './bundle.ts';
import { type KeyCheckSubject, refuseForeignKeys } from './key-check.ts';
import { type PlaintextField, readPlaintext, tenantOfDocument } from './plaintext.ts';
import { type ResolvedMapping, resolveMapping } from './settings-mapping.ts';
import { type SettingsOrigin, scanSource, sourcesOf, userIdOf } from './settings-origin.ts';
import type { SettingsSource } from './settings-source.ts';

// Tenants that this process need not look up again. Of one that falls out, the store still knows.
const REMEMBERED = 10_000;
const BATCH = 100;

type Writer = RecordWriter & KeyCheckSubject;

/**
 * Migrates a tenant's old settings when it is first needed. Then a mark is stored, so that nothing
 * that is removed from the vault later comes back from plaintext that is still there.
 *
 * @internal
 */
export class MigrationOnFirstUse {
  readonly #writer: () => Writer;
  readonly #sources: readonly SettingsSource[];
  readonly #mapping: ResolvedMapping;
  readonly #tenantOf: NonNullable<SettingsOrigin['tenantOf']>;
  readonly #done = new AsyncCache<{ done: true }>({ max: REMEMBERED });
  #keysChecked: Promise<void> | undefined;

  /** @throws VaultError `ERR_INVALID_ARGUMENT` */
  constructor(origin: SettingsOrigin, writer: () => Writer, registry: RecordWriter['registry']) {
    this.#writer = writer;
    this.#sources = sourcesOf(origin);
    this.#mapping = resolveMapping(origin.mapping, registry);
    this.#tenantOf = origin.tenantOf ?? userIdOf;
  }

  /**
   * Sees to it that the tenant's settings are in the vault; callers at the same time share one
   * migration. Where a source fails it throws, and is tried again next time.
   *
   * @returns whether the vault may hold more than before the call
   */
  async ensure(tenantId: string): Promise<boolean> {
    if (this.#done.kept(tenantId) !== undefined) return false;
    await this.#done.get(tenantId, async () => {
      await this.#migrate(tenantId);
      return { done: true };
    });
    return true;
  }

  async #migrate(tenantId: string): Promise<void> {
    const writer = this.#writer();
    const mark = { tenantId, provider: MIGRATED_MARK };
    if ((await writer.store.get(mark)) !== undefined) return;
    const { documents, fields } = await this.#read(tenantId);
    // No mark for names that no settings know: anybody can ask for any number of them.
    if (documents === 0) return;
    if (fields.length > 0) await this.#checkKeys(writer);
    const bundles = bundlesOf(fields);
    await writeBundles(writer, bundles);
    const contended = bundles.find(({ judged }) => judged[0]?.reason === 'ERR_CONFLICT');
    if (contended !== undefined) {
      throw new VaultError(
        'ERR_CONFLICT',
        `The settings of tenant "${tenantId}" could not be migrated: its record for provider "${contended.ref.provider}" is being written by others. Retry.`,
      );
    }
    // Last, so that a process that is killed leaves it to the next one. Lost is as good as written.
    await writer.store.put(await writer.reseal(mark, undefined, {}, undefined), 0, null);
  }

  async #read(tenantId: string): Promise<{ documents: number; fields: PlaintextField[] }> {
    const query = { batchSize: BATCH, fields: [...this.#mapping.keys()], tenantIds: [tenantId] };
    const fields: PlaintextField[] = [];
    let documents = 0;
    for (const source of this.#sources) {
      for await (const batch of scanSource(source, query)) {
        for (const document of batch) {
          const tenant = tenantOfDocument(document, this.#tenantOf);
          if (tenant.id !== tenantId) continue;
          documents++;
          fields.push(...readPlaintext(document, tenant, source.name, this.#mapping).fields);
        }
      }
    }
    return { documents, fields };
  }

  /** Once is enough; until the keys are good, each time. */
  #checkKeys(writer: Writer): Promise<void> {
    this.#keysChecked ??= refuseForeignKeys(writer).catch((error: unknown) => {
      this.#keysChecked = undefined;
      throw error;
    });
    return this.#keysChecked;
  }
}

/** The option `settings` of a vault: a source, or where it is and how it is read. @internal */
export function originOf(settings: SettingsOrigin['settings'] | SettingsOrigin): SettingsOrigin {
  if (settings === null || !['object', 'function'].includes(typeof settings)) {
    throw invalidArgument('settings must be a MongoDB collection, a SettingsSource, or options.');
  }
  const isOrigin = Object.hasOwn(settings, 'settings') && !('find' in settings);
  return isOrigin ? (settings as SettingsOrigin) : { settings: settings as never };
}

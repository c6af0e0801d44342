import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { nextRecord } from '../core/write.ts';
import { recordErrorCodeOrThrow, VaultError } from '../errors.ts';
import { refuseForeignKeys } from '../maintenance/key-check.ts';
import { decodeRecord, type RecordView } from '../record.ts';
import { tenantKeyControl } from '../tenant-keys/control.ts';
import type { ResolvedMapping } from './mapping.ts';
import { importFields, type PendingRecord } from './pending-record.ts';
import { type FoundDocument, type PlaintextField, readPlaintext } from './plaintext.ts';
import type { SettingsOptions } from './settings-options.ts';
import { openSources } from './sources.ts';
import { type DirectoryOptions, TenantDocuments } from './tenant-documents.ts';

/** The record that says that a tenant's old settings were imported [R8]. */
const DONE = '$settings-migrated';
/** The same, except for the providers that it names: their records could not be opened [R8]. */
const PENDING = '$settings-pending';

/** The old settings of one tenant at a time. @internal */
export interface TenantSettings {
  /** Imports them; tells whether everything is imported. */
  importTenant(core: VaultCore, tenantId: string): Promise<boolean>;
  /** How many plaintext fields there are, those included that cannot be imported. */
  countPlaintext(tenantId: string): Promise<number>;
}

/**
 * Opens the sources for {@link TenantSettings}. An import leaves a mark in the store, so that nothing
 * that is deleted later comes back from plaintext that is still there. A provider whose record cannot
 * be opened stays pending, and is tried again; if the record is deleted, it is not. Nothing is
 * imported for a tenant that was ever erased.
 *
 * @internal
 */
export function openTenantSettings(
  options: SettingsOptions,
  mapping: ResolvedMapping,
  directory: DirectoryOptions,
): TenantSettings {
  const sources = openSources(options).map(
    (source) => new TenantDocuments(source, options.tenantOf, [...mapping.keys()], directory),
  );
  let keysChecked: Promise<void> | undefined;

  return {
    importTenant: async (core, tenantId) => {
      const refs = [DONE, PENDING].map((provider) => ({ tenantId, provider }));
      const marks = (await core.store.getMany(refs)).map(decodeRecord);
      if (marks.some(({ ref }) => ref.provider === DONE)) return true;
      const documents = await findDocuments(tenantId);
      // No mark for names that no settings know: anybody can ask for any number of them.
      if (documents.length === 0) return false;
      if ((await tenantKeyControl(core.keys)?.entry(tenantId))?.erased !== undefined) return true;
      const found = documents.flatMap((document) => readPlaintext(document, mapping).fields);
      const items = await itemsLeft(core, marks[0], found);
      if (items === undefined) return false;
      await checkKeys(core);
      const records = await importFields(core, items, {});
      return writeMark(core, tenantId, marks[0], records);
    },
    countPlaintext: async (tenantId) => {
      const read = (await findDocuments(tenantId)).map((found) => readPlaintext(found, mapping));
      return read.reduce((sum, { fields, issues }) => sum + fields.length + issues.length, 0);
    },
  };

  async function findDocuments(tenantId: string): Promise<FoundDocument[]> {
    const documents = [];
    for (const source of sources) documents.push(...(await source.find(tenantId)));
    return documents;
  }

  /** Checks the keys once, or at each call while they are wrong. */
  function checkKeys(core: VaultCore): Promise<void> {
    keysChecked ??= refuseForeignKeys(core).catch((error: unknown) => {
      keysChecked = undefined;
      throw error;
    });
    return keysChecked;
  }
}

/**
 * The fields that an earlier import did not get into a record that is still there; `undefined` where
 * its mark cannot be opened.
 */
async function itemsLeft(
  core: VaultCore,
  mark: RecordView | undefined,
  items: PlaintextField[],
): Promise<PlaintextField[] | undefined> {
  if (mark === undefined) return items;
  let providers: string | undefined;
  try {
    providers = (await openVersion(core, mark.ref, mark)).fields.providers;
  } catch (error) {
    recordErrorCodeOrThrow(error);
    return undefined;
  }
  const { tenantId } = mark.ref;
  const refs = (providers ?? '').split('\n').map((provider) => ({ tenantId, provider }));
  const stored = await core.store.getMany(refs, { history: false });
  return items.filter((item) => stored.some(({ provider }) => provider === item.provider));
}

async function writeMark(
  core: VaultCore,
  tenantId: string,
  mark: RecordView | undefined,
  records: readonly PendingRecord[],
): Promise<boolean> {
  const failed = records.filter(({ failure }) => failure !== undefined);
  const contended = failed.find(({ failure }) => failure === 'ERR_CONFLICT');
  if (contended !== undefined) {
    throw new VaultError(
      'ERR_CONFLICT',
      `The settings of tenant "${tenantId}" could not be migrated: its record for provider "${contended.ref.provider}" is being written by others. Retry.`,
    );
  }
  const done = failed.length === 0;
  const fields = done ? {} : { providers: failed.map(({ ref }) => ref.provider).join('\n') };
  const ref = { tenantId, provider: done ? DONE : PENDING };
  try {
    // Last, so that a process that is killed leaves the import to the next one. If another process
    // writes the mark first, that serves as well.
    const { record } = await nextRecord(core, ref, undefined, { fields }, undefined);
    await core.store.put(record, null);
  } catch (error) {
    recordErrorCodeOrThrow(error);
    return false; // as the key of an erased tenant
  }
  if (done && mark !== undefined) await core.store.delete(mark.ref);
  return done;
}

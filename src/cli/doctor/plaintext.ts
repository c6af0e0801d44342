import {
  isVaultError,
  type MigrationReport,
  migrateFromSettings,
  type SecretsVault,
} from 'provider-vault';
import { collectionNames, type OpenStore } from '../open-store.ts';
import { withProgress } from '../operation.ts';
import { DEFAULT_SETTINGS } from '../options.ts';
import { count } from '../output.ts';
import { type Check, fail, pass, warn } from './check.ts';

const NAME = 'plaintext';
const NAMED_FAILURES = 5;

/**
 * What the old system left in the clear, as a dry run of the migration finds it.
 *
 * @param named - the collection of the settings, if `--settings` names one: it must exist then
 */
export async function checkPlaintext(
  vault: SecretsVault,
  { mongo }: OpenStore,
  named: string | undefined,
  json: boolean,
): Promise<Check[]> {
  if (mongo === undefined) return [];
  const { db, collection } = mongo;
  const settings = named ?? DEFAULT_SETTINGS;
  try {
    const existing = await collectionNames(db);
    if (named !== undefined && !existing.includes(named)) {
      return [fail(NAME, `there is no collection ${named}`, 'Check the name in --settings.')];
    }
    const names = [settings, collection].filter((name) => existing.includes(name));
    if (names.length === 0) return [];
    const sources = { settings: db.collection(settings), secrets: db.collection(collection) };
    const report = await withProgress('Looking for plaintext', json, (controls) =>
      migrateFromSettings(vault, { ...controls, ...sources, dryRun: true }),
    );
    return [describe(report, names.join(' and '))];
  } catch (error) {
    if (!isVaultError(error)) throw error;
    return [warn(NAME, `not counted: ${error.message}`, 'Repair that first.')];
  }
}

function describe(report: MigrationReport, where: string): Check {
  const { plaintextRemaining: fields, migrated, unchanged, conflictCount, failedCount } = report;
  if (fields + failedCount === 0) return pass(NAME, `none in ${where}`);
  const details = { fields, migrated, unchanged, conflicts: conflictCount, failures: failedCount };
  const kinds = [
    ...(migrated > 0 ? [`${migrated.toLocaleString('en-US')} to migrate`] : []),
    ...(unchanged > 0 ? [`${unchanged.toLocaleString('en-US')} already in the vault`] : []),
    ...(conflictCount > 0 ? [count(conflictCount, 'conflict')] : []),
    ...(failedCount > 0
      ? [`${failedCount.toLocaleString('en-US')} that cannot be migrated: ${failuresOf(report)}`]
      : []),
  ];
  // Documents that are not records may have no plaintext field [L7].
  const what = fields > 0 ? `${count(fields, 'field')} of the old system` : 'odd documents';
  const text = `${what} in ${where}: ${kinds.join(', ')}`;
  return warn(NAME, text, advice(report), details);
}

/** The first failures of a report, each with its document's `_id` and the reason. */
function failuresOf({ failed, failedCount }: MigrationReport): string {
  const named = failed.slice(0, NAMED_FAILURES);
  const texts = named.map(({ source = '', field, reason }) =>
    field === undefined ? `${source} (${reason})` : `${source}, ${field} (${reason})`,
  );
  return `${texts.join('; ')}${failedCount > named.length ? '; …' : ''}`;
}

// Erasing is safe only when no process of the old system runs, and that cannot be seen from here.
function advice({ migrated, unchanged, conflictCount, failedCount }: MigrationReport): string {
  return [
    ...(migrated > 0 ? ['`provider-vault migrate --secrets` copies them into the vault.'] : []),
    ...(migrated === 0 && unchanged > 0
      ? [
          'Once no process of the old system runs, erase them: step 6 of docs/runbooks/upgrade-from-the-old-system.md.',
        ]
      : []),
    ...(conflictCount + failedCount > 0
      ? ['`provider-vault migrate --secrets --dry-run` lists those that you must decide about.']
      : []),
  ].join(' ');
}

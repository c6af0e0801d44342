import { readFile } from 'node:fs/promises';
import {
  type LongOperationOptions,
  type MigrationReport,
  migrateFromSettings,
  type SettingsMapping,
} from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { parseObject } from '../input.ts';
import { linesOfIssues } from '../issues.ts';
import { type OpenVault, type VaultOptions, withVault } from '../open-vault.ts';
import { runOperation } from '../operation.ts';
import {
  addAuditOptions,
  addDryRunOption,
  addLongRunOptions,
  addSettingsOption,
  addStoreOptions,
  collect,
  DEFAULT_SETTINGS,
  type DryRunOption,
  type LongRunOptions,
  type SettingsOptions,
} from '../options.ts';
import { table } from '../output.ts';

interface MigrateOptions extends VaultOptions, LongRunOptions, DryRunOption, SettingsOptions {
  readonly secrets?: boolean;
  readonly erase?: boolean;
  readonly tenant?: readonly string[];
  readonly mapping?: string;
}

const HELP = `
What the vault already holds wins: a plaintext field with another value is a conflict, which is
listed and left alone. You can run it as often as you like: nothing is done twice.

The file of --mapping holds one JSON object, old field → provider and field:
  { "stripe_secret": "stripe.secretKey" }
`;

export const migrateCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('migrate')
    .description('move plaintext credentials of the old system into the vault')
    .option('--secrets', 'also the plaintext documents in the collection of the records')
    .option('--erase', 'remove each plaintext field once its sealed value was read back')
    .option('--tenant <id>', 'only this tenant; may be given several times', collect)
    .option('--mapping <file>', 'JSON file that says which field goes where (default: built in)')
    .addHelpText('after', HELP);
  addAuditOptions(addSettingsOption(addStoreOptions(command)));
  addLongRunOptions(addDryRunOption(command)).action(
    action<MigrateOptions>(finish, async (options) => {
      const mapping = options.mapping === undefined ? {} : await readMapping(options.mapping);
      const needs = { audited: !options.dryRun, mayBeMissing: true };
      return withVault(options, needs, async (opened) => {
        const operate = await prepare(opened, options, mapping);
        return runOperation('Migrating', options, operate, {
          lines: (report) => linesOf(report, options),
          exitCode: (report) => exitCodeOf(report, options),
        });
      });
    }),
  );
};

async function readMapping(path: string): Promise<{ mapping: SettingsMapping }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`The mapping ${path} cannot be read (${error.code}).`);
  });
  return { mapping: parseObject(text, `The mapping ${path}`) as SettingsMapping };
}

async function prepare(
  { vault, store, mongo, actor }: OpenVault,
  options: MigrateOptions,
  mapping: { mapping?: SettingsMapping },
) {
  if (mongo === undefined) {
    throw new UsageError('The settings of the old system are in MongoDB: name it as the store.');
  }
  const { secrets = false, erase = false, dryRun = false, tenant } = options;
  const { settings = DEFAULT_SETTINGS } = options;
  const { db, collection } = mongo;
  await mongo.requireCollection(settings, 'Check the name in --settings.');
  if (!dryRun) await store.init?.();
  return (run: LongOperationOptions) =>
    migrateFromSettings(vault, {
      ...run,
      ...mapping,
      settings: db.collection(settings),
      ...(secrets && { secrets: db.collection(collection) }),
      ...(tenant && { tenantIds: tenant }),
      erase,
      dryRun,
      actor,
    });
}

// A misspelt tenant must not look like one without plaintext.
function isUnknownTenant({ scanned }: MigrationReport, options: MigrateOptions) {
  const { tenant, part, range, after } = options;
  return tenant !== undefined && scanned === 0 && (part ?? range ?? after) === undefined;
}

function linesOf(report: MigrationReport, options: MigrateOptions): string[] {
  const { dryRun = false, erase, tenant = [] } = options;
  if (isUnknownTenant(report, options)) {
    return [`No document of the old system belongs to tenant ${tenant.join(', ')}.`];
  }
  const number = (n: number) => n.toLocaleString('en-US');
  return [
    ...(dryRun ? ['Dry run: nothing was written. A real run would do this:'] : []),
    ...table([
      ['documents read', number(report.scanned)],
      ['fields migrated', number(report.migrated)],
      ['fields already in the vault', number(report.unchanged)],
      ['plaintext fields erased', number(report.erased)],
      ['plaintext fields left', number(report.plaintextRemaining)],
      ['conflicts', number(report.conflictCount)],
      ['warnings', number(report.warningCount)],
      ['failures', number(report.failedCount)],
    ]),
    ...linesOfIssues(
      'Conflicts: the vault holds another value, and both were left alone',
      report.conflictCount,
      report.conflicts,
    ),
    ...linesOfIssues(
      'Warnings: migrated, though not of the expected form',
      report.warningCount,
      report.warnings,
    ),
    ...linesOfIssues('Failures: not migrated', report.failedCount, report.failed),
    ...(!erase && !dryRun && report.plaintextRemaining > 0
      ? [
          'The plaintext is still there. Run it again with --erase once no process of the old system runs.',
        ]
      : []),
  ];
}

function exitCodeOf(report: MigrationReport, options: MigrateOptions): ExitCode {
  const { dryRun, erase } = options;
  if (isUnknownTenant(report, options)) return EXIT.failed;
  const unresolved = report.conflictCount + report.failedCount;
  const toDo = dryRun ? report.migrated + report.erased : 0;
  const left = erase ? report.plaintextRemaining : 0;
  return unresolved + toDo + left > 0 ? EXIT.workRemains : EXIT.done;
}

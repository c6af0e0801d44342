import { readFile } from 'node:fs/promises';
import { type MigrationReport, migrateFromSettings, type SettingsMapping } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { parseObject } from '../input.ts';
import { linesOfIssues } from '../issues.ts';
import { type OpenVault, type VaultOptions, withVault } from '../open-vault.ts';
import {
  addDryRunOption,
  addLongRunOptions,
  addSettingsOption,
  addStoreOptions,
  type CommonOptions,
  collect,
  type LongRunOptions,
  type SettingsOptions,
} from '../options.ts';
import { printResult, table } from '../output.ts';
import { batchesOf, longRun } from '../progress.ts';

interface MigrateOptions extends CommonOptions, VaultOptions, LongRunOptions, SettingsOptions {
  readonly secrets?: boolean;
  readonly erase?: boolean;
  readonly tenant?: readonly string[];
  readonly mapping?: string;
}

const HELP = `
What is in the vault already wins: a plaintext field that differs from it is a conflict, which is
listed and left alone. Run it as often as you like: nothing is done twice.

The file of --mapping holds one JSON object, old field → provider and field:
  { "stripe_secret": "stripe.secretKey" }
`;

/** @internal */
export const migrateCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('migrate')
    .description('move plaintext credentials of the old system into the vault')
    .option('--secrets', 'also the plaintext documents in the collection of the records')
    .option('--erase', 'remove each plaintext field once its sealed value was read back')
    .option('--tenant <id>', 'only this tenant; may be given several times', collect)
    .option('--mapping <file>', 'JSON file that says which field goes where (default: built in)')
    .addHelpText('after', HELP);
  addSettingsOption(addStoreOptions(command));
  addLongRunOptions(addDryRunOption(command)).action(
    action<MigrateOptions>(finish, async (options) => {
      const mapping = options.mapping === undefined ? {} : await readMapping(options.mapping);
      const report = await withVault(options, (opened) => migrate(opened, options, mapping));
      printResult(options, report, () => linesOf(report, options));
      return exitCodeOf(report, options);
    }),
  );
};

async function readMapping(path: string): Promise<{ mapping: SettingsMapping }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`The mapping ${path} cannot be read (${error.code}).`);
  });
  return { mapping: parseObject(text, `The mapping ${path}`) as SettingsMapping };
}

async function migrate(
  { vault, store, mongo }: OpenVault,
  options: MigrateOptions,
  mapping: { mapping?: SettingsMapping },
): Promise<MigrationReport> {
  if (mongo === undefined) {
    throw new UsageError('The settings of the old system are in MongoDB: name it as the store.');
  }
  const { secrets = false, erase = false, dryRun = false, tenant } = options;
  if (!dryRun) await store.init?.();
  const { db, collection } = mongo;
  return longRun('Migrating', (controls) =>
    migrateFromSettings(vault, {
      ...controls,
      ...batchesOf(options),
      ...mapping,
      settings: db.collection(options.settings),
      ...(secrets && { secrets: db.collection(collection) }),
      ...(tenant && { tenantIds: tenant }),
      erase,
      dryRun,
    }),
  );
}

function linesOf(report: MigrationReport, { dryRun = false, erase }: MigrateOptions): string[] {
  const number = (n: number) => n.toLocaleString('en-US');
  return [
    ...(dryRun ? ['Dry run: nothing was written. What would be:'] : []),
    ...table([
      ['documents read', number(report.scanned)],
      ['fields migrated', number(report.migrated)],
      ['fields there already', number(report.unchanged)],
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
      'Warnings: migrated as they are, though not of the expected form',
      report.warningCount,
      report.warnings,
    ),
    ...linesOfIssues('Failures: not migrated', report.failedCount, report.failed),
    ...(!erase && !dryRun && report.plaintextRemaining > 0
      ? [
          'The plaintext is still there. Run it again with --erase when all backends read the vault.',
        ]
      : []),
  ];
}

function exitCodeOf(report: MigrationReport, { dryRun, erase }: MigrateOptions): ExitCode {
  const unresolved = report.conflictCount + report.failedCount;
  const toDo = dryRun ? report.migrated + report.erased : 0;
  const left = erase ? report.plaintextRemaining : 0;
  return unresolved + toDo + left > 0 ? EXIT.workRemains : EXIT.done;
}

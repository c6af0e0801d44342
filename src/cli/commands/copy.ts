import { type CopyReport, copyRecords } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { FewerRecords, UsageError } from '../errors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { linesOfIssues } from '../issues.ts';
import { type StoreOptions, type TargetOptions, withStore, withTarget } from '../open-store.ts';
import { runOperation } from '../operation.ts';
import {
  addDryRunOption,
  addLongRunOptions,
  addStoreOptions,
  type DryRunOption,
  type LongRunOptions,
} from '../options.ts';
import { count } from '../output.ts';

interface CopyCommandOptions extends StoreOptions, TargetOptions, LongRunOptions, DryRunOption {
  readonly deleteMissing?: boolean;
}

const HELP = `
Records are copied sealed, without a key. A newer record at the target is never replaced. Run it again
until nothing writes to the source any more. Exit code 0: the target has all records. 3: it does not yet.
The wrapped keys of --kms stay in their key store: keep it, for the copy cannot be opened without it.
`;

export const copyCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('copy')
    .description('copy all records into another store, while the first one is in use')
    .option('--to <location>', 'the target, as --store (default: PROVIDER_VAULT_TO)')
    .option('--to-database <name>', 'MongoDB database of the target')
    .option('--to-collection <name>', 'collection or table of the target (default: secrets)')
    .option('--delete-missing', 'delete at the target what the source does not have')
    .addHelpText('after', HELP);
  addDryRunOption(addLongRunOptions(addStoreOptions(command))).action(
    action<CopyCommandOptions>(finish, (options) =>
      withStore(options, ({ store: from, name: source, file }) =>
        withTarget(options, ({ store: to, name }) => {
          if (name === source && (file !== undefined || isSameServer(options))) {
            throw new UsageError(`The source and the target are the same: ${name}.`);
          }
          const { dryRun = false, deleteMissing = false, expectRecords = 0 } = options;
          return runOperation(
            'Copying',
            options,
            async ({ onIssue, ...settings }) => {
              if (deleteMissing && !dryRun && expectRecords > 0) {
                // From a wrong source, which has too few, everything would be deleted first.
                const { scanned } = await copyRecords(from, to, { ...settings, dryRun: true });
                if (scanned < expectRecords) throw new FewerRecords(scanned, expectRecords);
              }
              const more = { dryRun, deleteMissing, ...(onIssue && { onIssue }) };
              return copyRecords(from, to, { ...settings, ...more });
            },
            {
              lines: (report) => linesOf(report, dryRun),
              exitCode: (report) => exitCodeOf(report, dryRun),
            },
          );
        }),
      ),
    ),
  );
};

/** For two of one name: URIs hold the server, which names leave out. */
function isSameServer({ store, to }: CopyCommandOptions): boolean {
  const { PROVIDER_VAULT_STORE, MONGO_URL, PROVIDER_VAULT_TO } = process.env;
  return (store || PROVIDER_VAULT_STORE || MONGO_URL) === (to || PROVIDER_VAULT_TO);
}

function exitCodeOf({ complete, copied, ...report }: CopyReport, dryRun: boolean): ExitCode {
  const left = copied + report.differentCount + report.onlyAtTargetCount;
  return complete || (dryRun && left === 0) ? EXIT.done : EXIT.workRemains;
}

function linesOf(report: CopyReport, dryRun: boolean): string[] {
  return [
    ...(dryRun ? ['Dry run: nothing was written. A real run would do this:'] : []),
    `Copied: ${count(report.copied, 'record')}, and ${count(report.caughtUp, 'record')} that changed meanwhile`,
    `At the target before: ${count(report.upToDate, 'record')}`,
    `The same at the source and the target: ${count(report.verified, 'record')}`,
    ...(report.deleted > 0 ? [`Deleted at the target: ${count(report.deleted, 'record')}`] : []),
    ...linesOfIssues(
      'Not copied, because the target cannot keep them',
      report.failedCount,
      report.failed,
    ),
    ...linesOfIssues('Not the same', report.differentCount, report.different),
    ...linesOfIssues('Only at the target', report.onlyAtTargetCount, report.onlyAtTarget),
  ];
}

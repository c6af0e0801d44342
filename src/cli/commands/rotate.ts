import { type RotationReport, rotateKeys } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import { linesOfIssues } from '../issues.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { runOperation } from '../operation.ts';
import {
  addAuditOptions,
  addDryRunOption,
  addLongRunOptions,
  addStoreOptions,
  type DryRunOption,
  type LongRunOptions,
} from '../options.ts';
import { count, table } from '../output.ts';

interface RotateOptions extends VaultOptions, LongRunOptions, DryRunOption {}

export const rotateCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('rotate')
    .description('reseal every record that is not under the current key, or not bound');
  addDryRunOption(addLongRunOptions(addAuditOptions(addStoreOptions(command)))).action(
    action<RotateOptions>(finish, (options) => {
      const { dryRun = false } = options;
      return withVault(options, { audited: !dryRun }, ({ vault, actor, sealer }) =>
        runOperation(
          'Rotating',
          options,
          (settings) => rotateKeys(vault, { ...settings, dryRun, actor }),
          {
            lines: (report) => linesOf(report, sealer, dryRun),
            exitCode: ({ remaining }) => (remaining > 0 ? EXIT.workRemains : EXIT.done),
          },
        ),
      );
    }),
  );
};

function linesOf(report: RotationReport, sealer: string, dryRun: boolean): string[] {
  return [
    ...(dryRun ? ['Dry run: nothing was written. A real run would do this:'] : []),
    `Sealed with ${sealer}: ${count(report.rotated, 'record')}, and ${count(report.historyRotated, 'earlier version')}`,
    `Up to date before: ${count(report.upToDate, 'record')}`,
    'Records per key before:',
    ...table(
      Object.entries(report.keys).map(([id, records]) => ['', id, count(records, 'record')]),
    ),
    ...(report.changed > 0
      ? [`Left to other writers, which changed them meanwhile: ${count(report.changed, 'record')}`]
      : []),
    ...linesOfIssues(
      'Records left as they are, because they cannot be opened',
      report.failedCount,
      report.failed,
    ),
    ...linesOfIssues(
      'Earlier versions left as they are, because they cannot be opened',
      report.historyFailedCount,
      report.historyFailed,
    ),
  ];
}

import { type RotationReport, rotateKeys } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import { linesOfIssues } from '../issues.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import {
  addDryRunOption,
  addLongRunOptions,
  addStoreOptions,
  type CommonOptions,
  type LongRunOptions,
} from '../options.ts';
import { count, printResult, table } from '../output.ts';
import { batchesOf, longRun } from '../progress.ts';

interface RotateOptions extends CommonOptions, VaultOptions, LongRunOptions {}

/** @internal */
export const rotateCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('rotate')
    .description('seal every record anew that is not under the current key, or not bound');
  addDryRunOption(addLongRunOptions(addStoreOptions(command))).action(
    action<RotateOptions>(finish, async (options) => {
      const { dryRun = false } = options;
      const report = await withVault(options, async ({ vault, store }) => {
        if (!dryRun) await store.init?.();
        return longRun('Rotating', (controls) =>
          rotateKeys(vault, { ...controls, ...batchesOf(options), dryRun }),
        );
      });
      printResult(options, report, () => linesOf(report, dryRun));
      return report.remaining > 0 ? EXIT.workRemains : EXIT.done;
    }),
  );
};

function linesOf(report: RotationReport, dryRun: boolean): string[] {
  const { encryptionKeyId, keys } = report;
  return [
    ...(dryRun ? ['Dry run: nothing was written. What would be:'] : []),
    `Sealed with key ${encryptionKeyId}: ${count(report.rotated, 'record')}, and ${count(report.historyRotated, 'earlier version')}`,
    `Were already: ${count(report.upToDate, 'record')}`,
    'Records per key before:',
    ...table(Object.entries(keys).map(([id, records]) => ['', id, count(records, 'record')])),
    ...(report.changed > 0
      ? [
          `Changed by others meanwhile, and left to them: ${count(report.changed, 'record')}. Run it again.`,
        ]
      : []),
    ...(report.historyUnreadable > 0
      ? [
          `Kept as they are, because they cannot be opened: ${count(report.historyUnreadable, 'earlier version')}`,
        ]
      : []),
    ...linesOfIssues(
      'Could not be opened, and were left as they are',
      report.failedCount,
      report.failed,
    ),
  ];
}

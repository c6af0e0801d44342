import type { RewrapReport } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { linesOfIssues } from '../issues.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { runOperation } from '../operation.ts';
import {
  addDryRunOption,
  addLongRunOptions,
  addStoreOptions,
  type DryRunOption,
  type LongRunOptions,
} from '../options.ts';
import { count } from '../output.ts';

interface RewrapOptions extends VaultOptions, LongRunOptions, DryRunOption {}

const HELP = `
After a change of the KMS key: name the new one in --kms, and the one before in --previous-kms. After
a rotation inside Vault Transit, --kms is enough. No record is touched. Exit code 3: some keys could
not be unwrapped, and were left as they are.
`;

export const rewrapCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('rewrap')
    .description("wrap the tenants' keys anew with the current KMS key")
    .addHelpText('after', HELP);
  addDryRunOption(addLongRunOptions(addStoreOptions(command))).action(
    action<RewrapOptions>(finish, (options) => {
      const { dryRun = false } = options;
      return withVault(options, { audited: false }, async ({ tenants }) => {
        if (tenants === undefined)
          throw new UsageError('rewrap needs --kms, or PROVIDER_VAULT_KMS.');
        const { keys, wrappers } = tenants;
        return runOperation(
          'Wrapping keys',
          options,
          (settings) => keys.rewrap({ ...settings, dryRun }),
          {
            lines: (report) => linesOf(report, wrappers[0].id, dryRun),
            exitCode: ({ failedCount }) => (failedCount > 0 ? EXIT.workRemains : EXIT.done),
          },
        );
      });
    }),
  );
};

function linesOf(report: RewrapReport, wrapper: string, dryRun: boolean): string[] {
  return [
    ...(dryRun ? ['Dry run: nothing was written. A real run would do this:'] : []),
    `Wrapped anew by ${wrapper}: ${count(report.rewrapped, 'key')}`,
    `Up to date before: ${count(report.upToDate, 'key')}`,
    ...linesOfIssues(
      'Left as they are, because they cannot be unwrapped',
      report.failedCount,
      report.failed,
    ),
  ];
}

import { type VerificationReport, verifyVault } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { linesOfIssues } from '../issues.ts';
import type { OpenKeys } from '../open-keys.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { runOperation } from '../operation.ts';
import { addLongRunOptions, addStoreOptions, type LongRunOptions } from '../options.ts';
import { count, table } from '../output.ts';
import { broken, needsRotation, unboundOf } from '../verification.ts';

interface VerifyOptions extends VaultOptions, LongRunOptions {}

const HELP = `
Exit code 0: all records open, are bound, and are under the current key. 3: all open, and
\`provider-vault rotate\` has something to do. 1: a record cannot be opened.
`;

export const verifyCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('verify')
    .description('open every record, and say what is wrong; writes nothing')
    .addHelpText('after', HELP);
  addLongRunOptions(addStoreOptions(command)).action(
    action<VerifyOptions>(finish, (options) =>
      withVault(options, { audited: false }, (opened) =>
        runOperation('Verifying', options, (settings) => verifyVault(opened.vault, settings), {
          lines: (report) => linesOf(report, opened),
          exitCode: (report) => exitCodeOf(report, opened),
        }),
      ),
    ),
  );
};

function exitCodeOf(report: VerificationReport, keys: OpenKeys): ExitCode {
  if (broken(report) + broken(report.history) > 0) return EXIT.failed;
  return needsRotation(report, keys) ? EXIT.workRemains : EXIT.done;
}

const COLUMNS = ['ok', 'unbound', 'unknownKey', 'tampered', 'malformed', 'foreign'] as const;

function linesOf(report: VerificationReport, keys: OpenKeys): string[] {
  const rows = Object.entries({ ...report.keys, 'all records': report });
  return [
    ...table([
      ['key', ...COLUMNS],
      ...rows.map(([id, counts]) => [id, ...COLUMNS.map((column) => String(counts[column]))]),
      ['history', ...COLUMNS.map((column) => String(report.history[column]))],
    ]),
    ...linesOfIssues('To look at', report.problemCount, report.problems),
    unboundLine(report),
    ...(report.lookupMissing > 0
      ? [
          `Not found by their lookup fields: ${count(report.lookupMissing, 'record')}. \`reindexLookup\` writes what is missing.`,
        ]
      : []),
    ...(needsRotation(report, keys)
      ? [`Not everything is sealed with ${keys.sealer}: \`provider-vault rotate\` does that.`]
      : []),
    ...(report.droppableKeys.length > 0
      ? [
          `Needed by nothing here: key ${report.droppableKeys.join(', ')}. One that you rotated away from can be dropped; one that you are rolling in is not used yet.`,
        ]
      : []),
  ];
}

function unboundLine(report: VerificationReport): string {
  if (report.safeToRefuseUnbound) {
    return `No record is unbound: it is safe to set unbound: 'refuse'.`;
  }
  if (report.unbound + report.history.unbound > 0) {
    return `Unbound: ${unboundOf(report)}. Run \`provider-vault rotate\` before you set unbound: 'refuse'.`;
  }
  return `It is not known whether it is safe to set unbound: 'refuse', because not every record was opened.`;
}

import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type StoreOptions, withStore } from '../open-store.ts';
import { addStoreOptions, type CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';
import { formatRange } from '../ranges.ts';

interface SplitOptions extends CommonOptions, StoreOptions {}

const HELP = `
Prints one range per line, for --range of the long operations. Together they hold every record, also
those that come later. Split once, and hand the ranges out:
  provider-vault split 12 | xargs -P 3 -n 1 provider-vault rotate --range
`;

export const splitCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('split')
    .description('print ranges of about equal size, for machines that share a long operation')
    .argument('<parts>', 'how many ranges, at most')
    .addHelpText('after', HELP);
  addStoreOptions(command).action(
    action<SplitOptions>(finish, (options, parts = '') => {
      if (!/^[1-9]\d{0,5}$/.test(parts)) {
        throw new UsageError('The number of parts must be a positive integer.');
      }
      return withStore(options, async ({ store }) => {
        const ranges = ((await store.split?.(Number(parts))) ?? [{}]).map(formatRange);
        printResult(options, { ranges }, () => ranges);
        return EXIT.done;
      });
    }),
  );
};

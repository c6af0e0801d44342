import { Keyring } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import type { CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';

export const keyidCommand: DefineCommand = (program, finish) => {
  program
    .command('keyid')
    .description('print the ids of the configured keys, the one that seals first')
    .action(
      action<CommonOptions>(finish, async (options) => {
        const { encryptionKeyId: keyId, keyIds } = Keyring.fromEnv();
        printResult(options, { keyId, keyIds }, () => keyIds);
        return EXIT.done;
      }),
    );
};

import { generateKey, Keyring } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import type { CommonOptions } from '../options.ts';
import { note, printResult } from '../output.ts';

export const keygenCommand: DefineCommand = (program, finish) => {
  program
    .command('keygen')
    .description('make a key for APP_ENCRYPTION_KEY, and print it')
    .action(
      action<CommonOptions>(finish, async (options) => {
        const key = generateKey();
        const keyId = new Keyring({ encryptionKey: key }).encryptionKeyId;
        printResult(options, { key, keyId }, () => [key]);
        note(
          `Key ${keyId}. Keep a copy apart from your backups: nothing opens what this key seals without it.`,
        );
        return EXIT.done;
      }),
    );
};

import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import { kmsName, withKeyPlace } from '../open-keys.ts';
import { withPlace } from '../open-store.ts';
import { auditSink, type VaultOptions } from '../open-vault.ts';
import { addAuditCollectionOption, addStoreOptions, type CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';

export const initCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('init')
    .description(
      'make the collections of the records, the audit trail and the wrapped keys, or the files',
    );
  addAuditCollectionOption(addStoreOptions(command)).action(
    action<CommonOptions & VaultOptions>(finish, (options) =>
      withPlace(options, async (opened) => {
        await opened.store.init?.();
        await auditSink(opened, options)?.init();
        if (kmsName(options) !== undefined) {
          await withKeyPlace(options, opened, (place) => place.init());
        }
        printResult(options, { store: opened.name, ready: true }, () => [
          `${opened.name} is ready.`,
        ]);
        return EXIT.done;
      }),
    ),
  );
};

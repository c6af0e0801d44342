import { type SecretsVault, VaultError } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { addActorOption, addStoreOptions, type CommonOptions } from '../options.ts';
import { note, printResult } from '../output.ts';
import { askConfirmation, canAsk } from '../prompt.ts';

interface DeleteOptions extends CommonOptions, VaultOptions {
  readonly yes?: boolean;
}

/** @internal */
export const deleteCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('delete')
    .description('remove the credentials of a tenant at a provider, or one field of them')
    .argument('<tenant>')
    .argument('<provider>')
    .argument('[field]')
    .option('--yes', 'do not ask');
  addActorOption(addStoreOptions(command)).action(
    action<DeleteOptions>(finish, async (options, tenantId = '', provider = '', field) => {
      const what =
        field === undefined
          ? `the credentials of tenant "${tenantId}" at "${provider}"`
          : `field "${field}" of tenant "${tenantId}" at "${provider}"`;
      if (!options.yes && !(await confirmed(what, options))) {
        note('Nothing was deleted.');
        return EXIT.failed;
      }
      await withVault(options, async ({ vault, actor }) => {
        const existed =
          field === undefined
            ? await vault.delete(tenantId, provider, { actor })
            : await deleteField(vault, tenantId, provider, field, actor);
        if (!existed)
          throw new VaultError('ERR_SECRET_NOT_FOUND', `There is no such thing: ${what}.`);
      });
      const result = { tenantId, provider, ...(field !== undefined && { field }), deleted: true };
      printResult(options, result, () => [`Deleted ${what}.`]);
      return EXIT.done;
    }),
  );
};

async function confirmed(what: string, { json }: CommonOptions): Promise<boolean> {
  if (json || !canAsk()) throw new UsageError('Without a terminal to ask on, delete needs --yes.');
  return askConfirmation(`Delete ${what}?`);
}

async function deleteField(
  vault: SecretsVault,
  tenantId: string,
  provider: string,
  field: string,
  actor: string,
): Promise<boolean> {
  const stored = await vault.get(tenantId, provider);
  if (stored === undefined || !Object.hasOwn(stored.reveal(), field)) return false;
  await vault.patch(tenantId, provider, { [field]: null }, { actor });
  return true;
}

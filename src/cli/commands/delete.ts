import { VaultError } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type OpenVault, type VaultOptions, withVault } from '../open-vault.ts';
import { addAuditOptions, addStoreOptions, type CommonOptions } from '../options.ts';
import { note, printResult } from '../output.ts';
import { askConfirmation, canAsk } from '../prompt.ts';

interface DeleteOptions extends CommonOptions, VaultOptions {
  readonly yes?: boolean;
}

export const deleteCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('delete')
    .description('remove the credentials of a tenant at a provider, or one field of them')
    .argument('<tenant>')
    .argument('<provider>')
    .argument('[field]')
    .option('--yes', 'do not ask');
  addAuditOptions(addStoreOptions(command)).action(
    action<DeleteOptions>(finish, async (options, tenantId = '', provider = '', field) => {
      const what =
        field === undefined
          ? `the credentials of tenant "${tenantId}" at "${provider}"`
          : `field "${field}" of tenant "${tenantId}" at "${provider}"`;
      if (!options.yes && !(await confirmed(what, options))) {
        note('Nothing was deleted.');
        return EXIT.failed;
      }
      await withVault(options, { audited: true }, async (opened) => {
        const existed =
          field === undefined
            ? await opened.vault.delete(tenantId, provider, { actor: opened.actor })
            : await deleteField(opened, tenantId, provider, field);
        if (!existed) {
          throw new VaultError('ERR_SECRET_NOT_FOUND', `Nothing to delete: ${what}.`);
        }
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
  { vault, actor }: OpenVault,
  tenantId: string,
  provider: string,
  field: string,
): Promise<boolean> {
  const { rev: before } = await vault.status(tenantId, provider, { actor, env: {} });
  const { rev } = await vault.patch(tenantId, provider, { [field]: null }, { actor });
  return rev !== before;
}

import { type FieldStatus, VaultError } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { addStoreOptions, type CommonOptions } from '../options.ts';
import { printResult, table } from '../output.ts';

interface GetOptions extends CommonOptions, VaultOptions {
  readonly reveal?: boolean;
}

/** @internal */
export const getCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('get')
    .description('show the credentials of a tenant at a provider, masked')
    .argument('<tenant>')
    .argument('<provider>')
    .argument('[field]', 'only this one; with --reveal the bare value')
    .option('--reveal', 'show the values in the clear');
  addStoreOptions(command).action(
    action<GetOptions>(finish, async (options, tenantId = '', provider = '', field) => {
      const { reveal = false } = options;
      const found = await withVault(options, async ({ vault }) => {
        const stored = await vault.require(tenantId, provider);
        if (reveal) return { meta: stored.meta, fields: stored.reveal() as Record<string, string> };
        const status = await vault.status(tenantId, provider);
        return { meta: stored.meta, fields: masksOf(status.fields) };
      });
      const { rev, keyId, updatedAt, updatedBy } = found.meta;
      const fields =
        field === undefined ? found.fields : only(found.fields, field, tenantId, provider);
      const result = {
        tenantId,
        provider,
        rev,
        keyId,
        updatedAt,
        updatedBy,
        revealed: reveal,
        fields,
      };
      printResult(options, result, () => {
        if (field !== undefined) return Object.values(fields);
        return table(Object.entries(fields));
      });
      return EXIT.done;
    }),
  );
};

function masksOf(fields: Readonly<Record<string, FieldStatus>>): Record<string, string> {
  const set = Object.entries(fields).filter(([, { set }]) => set);
  return Object.fromEntries(set.map(([field, { masked = '' }]) => [field, masked]));
}

function only(
  fields: Record<string, string>,
  field: string,
  tenantId: string,
  provider: string,
): Record<string, string> {
  const value = Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (value !== undefined) return { [field]: value };
  throw new VaultError(
    'ERR_SECRET_NOT_FOUND',
    `Tenant "${tenantId}" has no field "${field}" at provider "${provider}".`,
  );
}

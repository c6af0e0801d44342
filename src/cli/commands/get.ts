import {
  type ProviderStatus,
  type SecretInfo,
  type SecretsVault,
  VaultError,
} from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { EXIT } from '../exit-codes.ts';
import { type OpenVault, type VaultOptions, withVault } from '../open-vault.ts';
import { addAuditOptions, addStoreOptions, type CommonOptions } from '../options.ts';
import { printResult, table } from '../output.ts';

interface GetOptions extends CommonOptions, VaultOptions {
  readonly reveal?: boolean;
}

type Shown = Pick<ProviderStatus, 'rev' | 'etag' | 'keyId' | 'updatedAt' | 'updatedBy'> & {
  readonly fields: Readonly<Record<string, string>>;
};

export const getCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('get')
    .description('show the credentials of a tenant at a provider, masked')
    .argument('<tenant>')
    .argument('<provider>')
    .argument('[field]', 'only this one; with --reveal the bare value')
    .option('--reveal', 'show the values in the clear');
  addAuditOptions(addStoreOptions(command)).action(
    action<GetOptions>(finish, async (options, tenantId = '', provider = '', field) => {
      const { reveal: revealed = false } = options;
      const shown = await withVault(options, { audited: revealed }, (opened) =>
        revealed ? reveal(opened, tenantId, provider) : masked(opened.vault, tenantId, provider),
      );
      const { fields: all, ...rest } = shown;
      const fields = field === undefined ? all : only(all, field, tenantId, provider);
      printResult(options, { tenantId, provider, ...rest, revealed, fields }, () =>
        field === undefined ? table(Object.entries(fields)) : Object.values(fields),
      );
      return EXIT.done;
    }),
  );
};

async function reveal(
  { vault, actor }: OpenVault,
  tenantId: string,
  provider: string,
): Promise<Shown> {
  const credentials = await vault.require(tenantId, provider, { actor });
  const fields = credentials.reveal() as Record<string, string>;
  return { ...about(credentials.meta), fields };
}

async function masked(vault: SecretsVault, tenantId: string, provider: string): Promise<Shown> {
  const status = await vault.status(tenantId, provider, { env: {} });
  if (status.etag === null || status.state === 'unreadable') {
    await vault.require(tenantId, provider); // throws the error that says why
  }
  const set = Object.entries(status.fields).filter(([, field]) => field.set);
  const fields = Object.fromEntries(set.map(([name, { masked = '' }]) => [name, masked]));
  return { ...about(status), fields };
}

function about({ rev, etag, keyId, updatedAt, updatedBy }: SecretInfo | ProviderStatus) {
  return { rev, etag, keyId, updatedAt, ...(updatedBy !== undefined && { updatedBy }) };
}

function only(
  fields: Shown['fields'],
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

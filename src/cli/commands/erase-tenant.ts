import { type ErasureReport, eraseTenant } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { untilStopped } from '../operation.ts';
import { addAuditOptions, addStoreOptions, type CommonOptions } from '../options.ts';
import { count, note, printResult } from '../output.ts';
import { askText, canAsk } from '../prompt.ts';

interface EraseOptions extends CommonOptions, VaultOptions {
  readonly yes?: boolean;
  readonly eraseAudit?: boolean;
}

const HELP = `
It cannot be undone: what backups of the records hold of the tenant opens no more. Other processes
notice within the ttlMs of their keys; run it again after that time.
`;

export const eraseTenantCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('erase-tenant')
    .description("erase a tenant's records and keys for good; asks for the tenant's name")
    .argument('<tenant>')
    .option('--erase-audit', "also remove the tenant's events from the audit trail")
    .option('--yes', 'do not ask')
    .addHelpText('after', HELP);
  addAuditOptions(addStoreOptions(command)).action(
    action<EraseOptions>(finish, async (options, tenantId = '') => {
      if (!options.yes && !(await confirmed(tenantId, options))) {
        note('Nothing was erased.');
        return EXIT.failed;
      }
      const report = await withVault(options, { audited: true }, ({ vault, tenants, actor }) => {
        if (tenants === undefined) {
          throw new UsageError('erase-tenant needs --kms, or PROVIDER_VAULT_KMS.');
        }
        const audit = options.eraseAudit ? 'erase' : 'keep';
        return untilStopped(options.json ?? false, (signal) =>
          eraseTenant(vault, tenantId, { actor, audit, signal }),
        );
      });
      printResult(options, report, () => linesOf(report));
      return EXIT.done;
    }),
  );
};

async function confirmed(tenantId: string, { json }: CommonOptions): Promise<boolean> {
  if (json || !canAsk()) {
    throw new UsageError('Without a terminal to ask on, erase-tenant needs --yes.');
  }
  note(
    'Everything of this tenant is erased for good, and no backup of the records brings it back.',
  );
  return (await askText("Type the tenant's name to erase it:")) === tenantId;
}

function linesOf(report: ErasureReport): string[] {
  const providers = report.providers.length > 0 ? ` (${report.providers.join(', ')})` : '';
  return [
    `Erased tenant "${report.tenantId}": ${count(report.records, 'record')}${providers}, ${count(report.keys, 'wrapped key')}.`,
    ...(report.events === undefined
      ? []
      : [`Removed from the audit trail: ${count(report.events, 'event')}.`]),
  ];
}

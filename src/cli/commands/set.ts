import { type SecretsVault, verifyKeys } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { readJsonStdin, readStdin } from '../input.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { addAuditOptions, addStoreOptions, type CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';
import { askHidden, canAsk } from '../prompt.ts';

interface SetOptions extends CommonOptions, VaultOptions {
  readonly newKey?: boolean;
}

type Changes = Record<string, string | null>;

const HELP = `
Values come from a hidden prompt, or from standard input where it is not a terminal:
  provider-vault set acme twilio authToken                  asks
  provider-vault set acme twilio                            asks for each field in turn
  provider-vault set acme twilio authToken < token.txt      the value
  provider-vault set acme twilio < twilio.json              {"accountSid": "…", "apiKey": null}
Fields that are not named stay as they are; null removes one.
`;

export const setCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('set')
    .description('set one field of a tenant at a provider, or several')
    .argument('<tenant>')
    .argument('<provider>')
    .argument('[field]')
    .option(
      '--new-key',
      'seal with a key that opens nothing of what is stored: the old one is lost',
    )
    .allowExcessArguments()
    .addHelpText('after', HELP);
  addAuditOptions(addStoreOptions(command)).action(
    action<SetOptions>(finish, async (options, tenantId = '', provider = '', field, ...excess) => {
      if (excess.length > 0) {
        throw new UsageError(
          'A value is never taken from the command line, where others can read it: use the prompt or standard input. If the value was a real one, replace it.',
        );
      }
      return withVault(options, { audited: true }, async ({ vault, actor }) => {
        if (!options.newKey) await verifyKeys(vault);
        const changes = await readChanges(vault, tenantId, provider, field);
        const fields = Object.keys(changes);
        if (fields.length === 0) throw new UsageError('No field was given: nothing is changed.');
        const info = await vault.patch(tenantId, provider, changes, { actor });
        printResult(options, { ...info, fields }, () => [
          `Set ${fields.join(', ')} of tenant "${tenantId}" at "${provider}": revision ${info.rev}.`,
        ]);
        return EXIT.done;
      });
    }),
  );
};

async function readChanges(
  vault: SecretsVault,
  tenantId: string,
  provider: string,
  field: string | undefined,
): Promise<Changes> {
  if (!canAsk()) {
    return field === undefined
      ? ((await readJsonStdin('The fields')) as Changes)
      : { [field]: await readStdin('The value') };
  }
  if (field === undefined) return askEach(vault, tenantId, provider);
  const value = await askHidden(`${provider} ${field} of tenant "${tenantId}"`);
  if (value !== '') return { [field]: value };
  throw new UsageError('An empty value is not stored: use delete to remove a field.');
}

async function askEach(vault: SecretsVault, tenantId: string, provider: string): Promise<Changes> {
  const status = await vault.status(tenantId, provider, { env: {} });
  const fields = Object.entries(status.fields);
  if (fields.length === 0) {
    throw new UsageError(`Provider "${provider}" has no defined fields: name the field to set.`);
  }
  const changes: Changes = {};
  for (const [field, { masked }] of fields) {
    const now = masked === undefined ? 'Enter to leave it unset' : `Enter to keep ${masked}`;
    const value = await askHidden(`${field} (${now})`);
    if (value !== '') changes[field] = value;
  }
  return changes;
}

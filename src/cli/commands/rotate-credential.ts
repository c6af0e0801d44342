import { rotateCredential } from 'provider-vault';
import { action, type DefineCommand } from '../action.ts';
import { UsageError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type VaultOptions, withVault } from '../open-vault.ts';
import { untilStopped } from '../operation.ts';
import { addAuditOptions, addStoreOptions, type CommonOptions } from '../options.ts';
import { printResult } from '../output.ts';

interface RotateCredentialOptions extends CommonOptions, VaultOptions {
  readonly grace?: string;
  readonly baseUrl?: string;
}

const HELP = `
Makes a new credential at the provider, stores it, waits, and revokes the old one. Interrupted, it goes
on where it was when it is run again.
`;

export const rotateCredentialCommand: DefineCommand = (program, finish) => {
  const command = program
    .command('rotate-credential')
    .description("replace a tenant's API key or auth token at the provider")
    .argument('<tenant>')
    .argument('<provider>')
    .option('--grace <seconds>', 'how long both credentials work (default: 60)')
    .option('--base-url <url>', "another address of SendGrid's API, which gets the API keys")
    .addHelpText('after', HELP);
  addAuditOptions(addStoreOptions(command)).action(
    action<RotateCredentialOptions>(finish, async (options, tenantId = '', provider = '') => {
      const { grace = '60', baseUrl } = options;
      if (!/^\d{1,6}$/.test(grace)) throw new UsageError('--grace must be a number of seconds.');
      return withVault(options, { audited: true }, async ({ vault, actor }) => {
        const rotation = {
          tenantId,
          provider,
          actor,
          graceMs: Number(grace) * 1000,
          ...(baseUrl !== undefined && { baseUrl }),
        };
        const result = await untilStopped(options.json ?? false, (signal) =>
          rotateCredential(vault, { ...rotation, signal }),
        );
        printResult(options, result, () => [
          `Replaced ${result.fields.join(', ')} of tenant "${tenantId}" at "${provider}". The old one is dead.`,
        ]);
        return EXIT.done;
      });
    }),
  );
};

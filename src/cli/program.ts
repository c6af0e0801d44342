import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { copyCommand } from './commands/copy.ts';
import { deleteCommand } from './commands/delete.ts';
import { doctorCommand } from './commands/doctor.ts';
import { eraseTenantCommand } from './commands/erase-tenant.ts';
import { getCommand } from './commands/get.ts';
import { initCommand } from './commands/init.ts';
import { keygenCommand } from './commands/keygen.ts';
import { keyidCommand } from './commands/keyid.ts';
import { migrateCommand } from './commands/migrate.ts';
import { rewrapCommand } from './commands/rewrap.ts';
import { rotateCommand } from './commands/rotate.ts';
import { rotateCredentialCommand } from './commands/rotate-credential.ts';
import { setCommand } from './commands/set.ts';
import { splitCommand } from './commands/split.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';
import { reportFailure, UsageError } from './errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { note } from './output.ts';

const ENVIRONMENT_HELP = `
Environment:
  APP_ENCRYPTION_KEY    the key that seals: base64 of 32 bytes
  APP_DECRYPTION_KEYS   further keys that only open, comma-separated
                        (each may be a file instead: APP_ENCRYPTION_KEY_FILE, APP_DECRYPTION_KEYS_FILE)
  PROVIDER_VAULT_STORE  where the records are: a URI of MongoDB or PostgreSQL, or file:PATH
  MONGO_URL             the same, where PROVIDER_VAULT_STORE is not set
  PROVIDER_VAULT_TO     the target of copy, where --to is not given
  PROVIDER_VAULT_KMS    the KMS key that wraps the tenants' keys, as --kms; its credentials come from the
                        environment too: VAULT_TOKEN and VAULT_NAMESPACE, or the usual ones of AWS,
                        Google and Azure
  PROVIDER_VAULT_PREVIOUS_KMS, PROVIDER_VAULT_KEY_STORE  as --previous-kms and --key-store
  NO_COLOR              no colours

Exit codes:
  0 done   1 failed   2 wrong usage   3 work remains   130 stopped by Ctrl-C   143 stopped by SIGTERM
`;

/**
 * Runs one command line.
 *
 * @param args - without the names of Node and of the script
 */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  const json = args.includes('--json');
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportFailure(error, json);
    if (error.exitCode === 0) return EXIT.done; // --help, --version
    return reportUsage(program, error, json);
  }
}

/** @internal */
export function createProgram(finish: (code: ExitCode) => void): Command {
  const program = new Command('provider-vault')
    .description('Credentials of third-party providers per tenant, sealed with AES-256-GCM.')
    .version(version)
    .option('--json', 'print one JSON document on standard output, and nothing else')
    .addHelpText('after', ENVIRONMENT_HELP)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeErr: () => {} }) // reportUsage prints the errors
    .exitOverride();
  for (const define of [
    keygenCommand,
    keyidCommand,
    initCommand,
    statusCommand,
    setCommand,
    getCommand,
    deleteCommand,
    migrateCommand,
    rotateCommand,
    rewrapCommand,
    eraseTenantCommand,
    rotateCredentialCommand,
    verifyCommand,
    copyCommand,
    splitCommand,
    doctorCommand,
  ]) {
    define(program, finish);
  }
  return program;
}

function reportUsage(program: Command, error: CommanderError, json: boolean): ExitCode {
  const message = usageMessage(error);
  if (json) return reportFailure(new UsageError(message), json);
  note(
    error.code === 'commander.help'
      ? program.helpInformation() + ENVIRONMENT_HELP
      : `error: ${message}\n(add --help for the options)`,
  );
  return EXIT.usage;
}

// Commander quotes what it rejects, and that may be a secret: `--auth-token=…`, `-p…`.
function usageMessage({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'No command is given.';
  return message
    .replace(/^error: /, '')
    .replace(/^unknown option '(--[a-z-]{1,30}|-[a-z]?)?[\s\S]*'/i, "unknown option '$1'")
    .replace(/ argument '[\s\S]*' is invalid/, ' is invalid')
    .replace(/^unknown command '(?![a-z-]{1,20}')[\s\S]*'/, 'unknown command');
}

import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { deleteCommand } from './commands/delete.ts';
import { doctorCommand } from './commands/doctor.ts';
import { getCommand } from './commands/get.ts';
import { keygenCommand } from './commands/keygen.ts';
import { migrateCommand } from './commands/migrate.ts';
import { rotateCommand } from './commands/rotate.ts';
import { setCommand } from './commands/set.ts';
import { statusCommand } from './commands/status.ts';
import { verifyCommand } from './commands/verify.ts';
import { reportFailure, UsageError } from './errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

const ENVIRONMENT_HELP = `
Environment:
  APP_ENCRYPTION_KEY    the key that seals: base64 of 32 bytes
  APP_DECRYPTION_KEYS   further keys that only open, comma-separated
                        (each may be a file instead: APP_ENCRYPTION_KEY_FILE, APP_DECRYPTION_KEYS_FILE)
  PROVIDER_VAULT_STORE  where the records are: a MongoDB URI or file:PATH
  MONGO_URL             the same, where PROVIDER_VAULT_STORE is not set
  NO_COLOR              no colours

Exit codes:
  0 done   1 failed   2 wrong usage   3 done, and work remains   130 stopped by Ctrl-C
`;

/**
 * Runs one command line.
 *
 * @param args - without the names of Node and of the script
 * @internal
 */
export async function runCommandLine(args: readonly string[]): Promise<ExitCode> {
  const json = args.includes('--json');
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram(json, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) return reportFailure(error, json);
    if (error.exitCode === 0) return EXIT.done; // --help, --version
    // Commander has written its text to stderr.
    return json
      ? reportFailure(new UsageError(withoutValues(error.message).replace(/^error: /, '')), json)
      : EXIT.usage;
  }
}

function createProgram(json: boolean, finish: (code: ExitCode) => void): Command {
  const program = new Command('provider-vault')
    .description('Credentials of third-party providers per tenant, sealed with AES-256-GCM.')
    .version(version)
    .option('--json', 'print one JSON document on standard output, and nothing else')
    .addHelpText('after', ENVIRONMENT_HELP)
    .showHelpAfterError('(add --help for the options)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeErr: (text) => {
        if (!json) process.stderr.write(withoutValues(text));
      },
    })
    .exitOverride();
  for (const define of [
    keygenCommand,
    statusCommand,
    setCommand,
    getCommand,
    deleteCommand,
    migrateCommand,
    rotateCommand,
    verifyCommand,
    doctorCommand,
  ]) {
    define(program, finish);
  }
  return program;
}

// Commander quotes an option it does not know whole: `--auth-token=…` may be a secret.
function withoutValues(text: string): string {
  return text.replace(/'(--?[^'=\s]+)=[\s\S]*?'/g, "'$1'");
}

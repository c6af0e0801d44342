import { isVaultError, OperationError, type VaultError } from 'provider-vault';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { note, paint } from './output.ts';

/** A wrong command line: exit code 2. */
export class UsageError extends Error {}

/** The command ran to its end, and went through fewer records than were expected. */
export class FewerRecords extends Error {
  constructor(scanned: number, expected: number) {
    const number = (n: number) => n.toLocaleString('en-US');
    super(
      `It went through ${number(scanned)}, and --expect-records says ${number(expected)} at least. Is it the right database?`,
    );
  }
}

/** The command was stopped, by Ctrl-C or by SIGTERM. */
export class Interrupted extends Error {
  readonly exit: ExitCode;

  constructor(signal: NodeJS.Signals = 'SIGINT', options?: ErrorOptions) {
    super('Stopped.', options);
    this.exit = signal === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted;
  }
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly exit: ExitCode;
}

/**
 * Prints an error, to stderr or as the `--json` document, and returns the exit code. The message of
 * a foreign error is not printed: it may quote a secret.
 *
 * @param more - further members of the `--json` document
 */
export function reportFailure(error: unknown, json: boolean, more: object = {}): ExitCode {
  const { code, message, exit } = describeFailure(error);
  if (json) {
    process.stdout.write(`${JSON.stringify({ error: { code, message }, ...more }, null, 2)}\n`);
  } else {
    note(`${paint('red', code, process.stderr)}: ${message}`);
  }
  return exit;
}

function describeFailure(error: unknown): Failure {
  if (error instanceof OperationError) return describeFailure(error.cause);
  if (isVaultError(error)) {
    const exit = error.code === 'ERR_INVALID_ARGUMENT' ? EXIT.usage : EXIT.failed;
    return { code: error.code, message: `${error.message}${connectionDetail(error)}`, exit };
  }
  if (error instanceof UsageError) {
    return { code: 'ERR_USAGE', message: error.message, exit: EXIT.usage };
  }
  if (error instanceof FewerRecords) {
    return { code: 'ERR_FEWER_RECORDS', message: error.message, exit: EXIT.failed };
  }
  if (error instanceof Interrupted) {
    return { code: 'ERR_INTERRUPTED', message: error.message, exit: error.exit };
  }
  const { name = 'error', code = '', stack = '' } = error as NodeJS.ErrnoException;
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    code: 'ERR_UNEXPECTED',
    message: [`an unexpected ${name} ${code}`.trim(), ...frames].join('\n'),
    exit: EXIT.failed,
  };
}

// The store keeps the driver's message only where it is about the connection.
function connectionDetail({ code, cause }: VaultError): string {
  return code === 'ERR_STORE_UNAVAILABLE' && cause instanceof Error ? ` ${cause.message}` : '';
}

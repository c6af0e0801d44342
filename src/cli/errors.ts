import { isVaultError, type VaultError } from 'provider-vault';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { note, paint } from './output.ts';

/** A wrong command line: exit code 2. @internal */
export class UsageError extends Error {}

/** Stopped by the person at the keyboard. @internal */
export class Interrupted extends Error {
  constructor(message = 'Stopped.') {
    super(message);
  }
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly exit: ExitCode;
}

/**
 * Says what went wrong, on stderr or as the `--json` document, and gives the exit code. Of an
 * error that is not ours the message is not shown: it may quote what it was working on.
 *
 * @internal
 */
export function reportFailure(error: unknown, json: boolean): ExitCode {
  const { code, message, exit } = describeFailure(error);
  if (json) {
    process.stdout.write(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`);
  } else {
    note(`${paint('red', code, process.stderr)}: ${message}`);
  }
  return exit;
}

function describeFailure(error: unknown): Failure {
  if (isVaultError(error)) {
    const exit = error.code === 'ERR_INVALID_ARGUMENT' ? EXIT.usage : EXIT.failed;
    return { code: error.code, message: `${error.message}${connectionDetail(error)}`, exit };
  }
  if (error instanceof UsageError) {
    return { code: 'ERR_USAGE', message: error.message, exit: EXIT.usage };
  }
  if (error instanceof Interrupted) {
    return { code: 'ERR_INTERRUPTED', message: error.message, exit: EXIT.interrupted };
  }
  const { name = 'error', code = '', stack = '' } = error as NodeJS.ErrnoException;
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    code: 'ERR_UNEXPECTED',
    message: [`an unexpected ${name} ${code}`.trim(), ...frames].join('\n'),
    exit: EXIT.failed,
  };
}

// The store keeps the driver's own words only where they are about the connection.
function connectionDetail({ code, cause }: VaultError): string {
  return code === 'ERR_STORE_UNAVAILABLE' && cause instanceof Error ? ` ${cause.message}` : '';
}

import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';

/** Adds a command to the program; `finish` takes its exit code. @internal */
export type DefineCommand = (program: Command, finish: (code: ExitCode) => void) => void;

/**
 * A command's action: it gets the options, those before the command's name included, and the
 * arguments, and returns the exit code.
 *
 * @internal
 */
export function action<O>(
  finish: (code: ExitCode) => void,
  run: (options: O, ...args: string[]) => Promise<ExitCode>,
): (this: Command) => Promise<void> {
  return async function (this: Command) {
    finish(await run(this.optsWithGlobals() as O, ...this.args));
  };
}

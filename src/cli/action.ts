import type { Command } from 'commander';
import type { ExitCode } from './exit-codes.ts';

/** Adds a command to the program; the command passes its exit code to `finish`. */
export type DefineCommand = (program: Command, finish: (code: ExitCode) => void) => void;

/**
 * Makes a command's action from a function of the options and the arguments that returns the exit
 * code. The options include those before the command's name.
 */
export function action<O>(
  finish: (code: ExitCode) => void,
  run: (options: O, ...args: string[]) => Promise<ExitCode>,
): (this: Command) => Promise<void> {
  return async function (this: Command) {
    finish(await run(this.optsWithGlobals() as O, ...this.args));
  };
}

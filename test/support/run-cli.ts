import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Finished } from './run-script.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The command line as a process: its sources, run by tsx. */
export const cli = {
  command: process.execPath,
  args: ['--import', import.meta.resolve('tsx'), path('../../src/cli/main.ts')],
  // Nothing of the environment of the tests but what a program needs to run at all.
  env: { PATH: process.env.PATH ?? '', TSX_TSCONFIG_PATH: path('../../tsconfig.json') },
};

export interface CliOptions {
  readonly env?: Record<string, string>;
  /** Standard input; none is an empty one. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Called with the process when it has started. */
  readonly started?: (child: ReturnType<typeof spawn>) => void;
}

/** Runs `provider-vault` with `args`, without a terminal. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Finished> {
  const { env = {}, input = '', cwd = tmpdir(), started } = options;
  const child = spawn(cli.command, [...cli.args, ...args], { cwd, env: { ...cli.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  child.stdin.on('error', () => {}); // a command that does not read may be gone already
  child.stdin.end(input);
  started?.(child);
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'tsup';
import { afterAll } from 'vitest';
import { cacheFolder } from '../../examples/mongo-server/cache-folder.ts';
import { commandLine } from '../../tsup.config.ts';
import type { Finished } from './run-script.ts';

// Built once per test file, from the sources: a start takes a sixth of what tsx takes.
const folder = await mkdtemp(join(await cacheFolder(), 'cli-'));
afterAll(() => rm(folder, { recursive: true }));
await build({
  ...commandLine,
  config: false,
  silent: true,
  outDir: folder,
  metafile: false,
  treeshake: false,
  // The library is bundled from its sources, as tsconfig.json says.
  external: commandLine.external.filter((name) => !/^provider-vault\b/.test(name)),
});

/** The command line as a program. */
export const cli = {
  command: process.execPath,
  args: [join(folder, 'main.js')],
  // Nothing of the environment of the tests but what a program needs to run at all.
  env: { PATH: process.env.PATH ?? '' },
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

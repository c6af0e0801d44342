import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { cli } from './run-cli.ts';

/** A text to wait for, and what is typed then. */
export type Step = readonly [waitFor: string, type: string];

export interface TerminalRun {
  readonly code: number | null;
  /** All that was shown, escape sequences included. */
  readonly shown: string;
}

export const hasPython = spawnSync('python3', ['-c', 'import pty']).status === 0;

/** Runs `provider-vault` on a real terminal. */
export function runOnTerminal(
  args: readonly string[],
  steps: readonly Step[],
  env: Record<string, string> = {},
): Promise<TerminalRun> {
  return runNodeOnTerminal([...cli.args, ...args], steps, env);
}

/** Runs Node on a real terminal. */
export async function runNodeOnTerminal(
  args: readonly string[],
  steps: readonly Step[],
  env: Record<string, string> = {},
): Promise<TerminalRun> {
  if (!hasPython) return runOnPretendedTerminal(args, steps, env);
  const script = fileURLToPath(new URL('terminal.py', import.meta.url));
  const child = spawn('python3', [script], {
    cwd: tmpdir(),
    env: { ...cli.env, TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify({ argv: [cli.command, ...args], steps }));
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    shown += text;
  });
  const [code] = await once(child, 'close');
  return { code, shown };
}

// Where there is no Python: pipes that say they are a terminal. What the program itself shows is
// the same; that the kernel does not echo is not seen.
const PRETEND = `data:text/javascript,${encodeURIComponent(`
  process.stdin.setRawMode = () => process.stdin;
  for (const s of [process.stdin, process.stdout, process.stderr]) s.isTTY = true;
`)}`;

async function runOnPretendedTerminal(
  args: readonly string[],
  steps: readonly Step[],
  env: Record<string, string>,
): Promise<TerminalRun> {
  const child = spawn(cli.command, ['--import', PRETEND, ...args], {
    cwd: tmpdir(),
    env: { ...cli.env, TERM: 'xterm', ...env },
  });
  const left = [...steps];
  // Unlike a terminal, an open pipe keeps a program running that reads it no more.
  if (left.length === 0) child.stdin.end();
  let [shown, seen] = ['', ''];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      shown += text;
      seen += text;
      const [next] = left;
      if (next === undefined || !seen.includes(next[0])) return;
      left.shift();
      seen = '';
      child.stdin.write(next[1]);
      if (left.length === 0) child.stdin.end();
    });
  }
  const [code] = await once(child, 'close');
  return { code, shown };
}

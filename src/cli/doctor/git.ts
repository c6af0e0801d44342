import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const MAX_LINE = 10_000;

/** What git prints, or `undefined` where it fails or is not installed. */
export function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  const options = { cwd: folder, maxBuffer: MAX_OUTPUT_BYTES };
  return new Promise((resolve) => {
    execFile('git', args, options, (error, stdout) => resolve(error ? undefined : stdout));
  });
}

/** The lines that one commit has added, with the file of each. */
export interface Additions {
  readonly commit: string;
  readonly lines: readonly { readonly file: string; readonly text: string }[];
}

const LOG = [
  ...['-c', 'core.quotePath=false', 'log', '--all', '--patch', '--unified=0', '--no-color'],
  ...['--no-ext-diff', '--no-textconv', '--no-renames', '--format=commit %h', '--', '.'],
];

/** The commits of all branches that touch `folder`, newest first. */
export async function* additions(folder: string): AsyncIterable<Additions> {
  const child = spawn('git', LOG, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
  const closed = once(child, 'close');
  let commit = '';
  let file = '';
  let inHeader = false;
  let lines: { file: string; text: string }[] = [];
  for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity })) {
    if (line.startsWith('commit ')) {
      if (commit !== '') yield { commit, lines };
      commit = line.slice('commit '.length);
      lines = [];
    } else if (line.startsWith('diff --git ')) inHeader = true;
    else if (line.startsWith('@@')) inHeader = false;
    else if (inHeader && line.startsWith('+++ b/')) {
      file = line.slice('+++ b/'.length).replace(/\t$/, ''); // git ends a name with spaces by a tab
    } else if (!inHeader && line.startsWith('+')) {
      lines.push({ file, text: line.slice(1, MAX_LINE) });
    }
  }
  if (commit !== '') yield { commit, lines };
  await closed;
}

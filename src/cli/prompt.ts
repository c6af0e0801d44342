import { Writable } from 'node:stream';
import { Interrupted } from './errors.ts';
import { isColoured } from './output.ts';

/** Whether somebody can be asked. @internal */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** A value that is not shown while it is typed; empty when only Enter was pressed. @internal */
export async function askHidden(message: string): Promise<string> {
  const { password, isCancel } = await import('@clack/prompts');
  const answer = await password({ output: screen(), message });
  if (isCancel(answer)) throw new Interrupted();
  return answer ?? '';
}

/** A question that is answered "no" by default. @internal */
export async function askConfirmation(message: string): Promise<boolean> {
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ output: screen(), message, initialValue: false });
  if (isCancel(answer)) throw new Interrupted();
  return answer;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a colour begins with
const COLOUR = /\x1b\[[\d;]*m/g;

// Prompts go to stderr, so that stdout holds the result alone. The prompts of @clack never end on a
// terminal that says it has no columns, as one in a container may, and do not know NO_COLOR.
function screen(): Writable {
  const { stderr } = process;
  const coloured = isColoured(stderr);
  const output = new Writable({
    decodeStrings: false,
    write: (text, _encoding, done) => {
      stderr.write(coloured ? text : String(text).replace(COLOUR, ''), done);
    },
  });
  return Object.assign(output, {
    isTTY: true,
    columns: stderr.columns || 80,
    rows: stderr.rows || 24,
  });
}

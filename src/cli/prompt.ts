import { Writable } from 'node:stream';
import { Interrupted } from './errors.ts';
import { EXIT } from './exit-codes.ts';
import { isColoured } from './output.ts';

/** Whether a person can be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks for a value without showing it; empty when only Enter was pressed. */
export async function askHidden(message: string): Promise<string> {
  const { password } = await import('@clack/prompts');
  return (await answer<string | undefined>(password({ output: screen(), message }))) ?? '';
}

/** Asks for a text. */
export async function askText(message: string): Promise<string> {
  const { text } = await import('@clack/prompts');
  return (await answer<string | undefined>(text({ output: screen(), message }))) ?? '';
}

/** Asks a question; Enter answers no. */
export async function askConfirmation(message: string): Promise<boolean> {
  const { confirm } = await import('@clack/prompts');
  return answer<boolean>(confirm({ output: screen(), message, initialValue: false }));
}

const SHOW_CURSOR = '\x1b[?25h';

/** @throws Interrupted on Ctrl-C */
async function answer<T>(asking: Promise<T | symbol>): Promise<T> {
  const terminate = () => {
    process.stderr.write(SHOW_CURSOR);
    process.exit(EXIT.terminated);
  };
  process.on('SIGTERM', terminate);
  try {
    const answered = await asking;
    if (typeof answered === 'symbol') throw new Interrupted();
    return answered;
  } finally {
    process.off('SIGTERM', terminate);
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a colour begins with one
const COLOUR = /\x1b\[[\d;]*m/g;

// Prompts go to stderr, so that stdout holds only the result. The prompts of @clack never end on a
// terminal that reports 0 columns, as one in a container may, and ignore NO_COLOR.
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

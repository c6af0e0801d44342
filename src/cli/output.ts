import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

/**
 * Whether colours are wanted: a person will see them, and has not said NO_COLOR
 * (https://no-color.org).
 *
 * @internal
 */
export function isColoured(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
}

/** @internal */
export function paint(
  style: Style,
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return isColoured(stream) ? styleText(style, text) : text;
}

/**
 * The result of a command: with `--json` the document and nothing else, else the lines.
 *
 * @internal
 */
export function printResult(
  { json }: { readonly json?: boolean },
  document: object,
  lines: () => readonly string[],
): void {
  const text = json ? JSON.stringify(document, null, 2) : lines().join('\n');
  if (text !== '') process.stdout.write(`${text}\n`);
}

/** What is said beside the result: advice, progress, warnings. @internal */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Rows as lines, each column as wide as its longest cell. @internal */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** `1 record`, `2 records`; numbers from a thousand up with separators. @internal */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

/** Whether to use colours: on a terminal, without NO_COLOR (https://no-color.org). */
export function isColoured(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR, TERM } = process.env;
  return stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
}

export function paint(
  style: Style,
  text: string,
  stream: NodeJS.WriteStream = process.stdout,
): string {
  return isColoured(stream) ? styleText(style, text) : text;
}

/** Prints the result of a command: with `--json` the document alone, else the lines. */
export function printResult(
  { json }: { readonly json?: boolean },
  document: object,
  lines: () => readonly string[],
): void {
  const text = json ? JSON.stringify(document, null, 2) : lines().join('\n');
  if (text !== '') process.stdout.write(`${text}\n`);
}

/** Prints advice, progress or a warning, beside the result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Formats rows as lines; each column is as wide as its longest cell. */
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

/** `1 record`, `2,000 records`. */
export function count(n: number, noun: string): string {
  return `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
}

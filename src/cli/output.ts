import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

/**
 * Colours `text` where a person will see it: on a terminal, and not against NO_COLOR
 * (https://no-color.org).
 *
 * @internal
 */
export function paint(style: Style, text: string, stream = process.stdout): string {
  const { NO_COLOR, TERM } = process.env;
  const coloured = stream.isTTY && !NO_COLOR && TERM !== 'dumb';
  return coloured ? styleText(style, text) : text;
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

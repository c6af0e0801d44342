/** Numbers by column. */
export type Row = Record<string, number>;

/** Rows by name. */
export type Table = Record<string, Row>;

/** A table as text, the columns in line. */
export function formatTable(table: Table): string {
  const columns = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];
  const names = Object.keys(table);
  const nameWidth = Math.max(...names.map((name) => name.length));
  const lines = names.map((name) => {
    const cells = columns.map((column) => format(table[name]?.[column]).padStart(column.length));
    return `${name.padEnd(nameWidth)}  ${cells.join('  ')}`;
  });
  return [`${' '.repeat(nameWidth)}  ${columns.join('  ')}`, ...lines]
    .map((line) => `  ${line.trimEnd()}`)
    .join('\n');
}

function format(value: number | undefined): string {
  if (value === undefined) return '';
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundle } from './bundle.ts';
import type { Table } from './table.ts';
import { instrumentFolder } from './walks/instrument.ts';
import type { Entry } from './walks/trace.ts';

const script = fileURLToPath(new URL('./walks/script.ts', import.meta.url));

/** How far a reader walks through the sources who follows one call of the public API. */
export async function walks(source: string): Promise<Table> {
  const { file } = await bundle(source, 'walks', script, {
    alias: { 'provider-vault': join(source, 'src/index.ts') },
    plugins: [instrumentFolder(join(source, 'src'))],
  });
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  const traced: Record<string, Entry[]> = JSON.parse(stdout);
  return Object.fromEntries(Object.entries(traced).map(([name, entries]) => [name, sum(entries)]));
}

function sum(entries: readonly Entry[]) {
  // Callbacks belong to the function around them, and are counted apart.
  const files = entries.filter(({ named }) => named).map(({ file }) => file);
  return {
    'function entries': files.length,
    files: new Set(files).size,
    'changes of file': files.filter((file, at) => file !== files[at - 1]).length,
    'callbacks entered': entries.length - files.length,
  };
}

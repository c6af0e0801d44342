import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Bundle } from './bundle.ts';
import { summarize } from './compare.ts';
import type { Table } from './table.ts';

const STARTS = 61;

/** Bytes that importing the root entry loads, and that it may load later on. */
export function size(source: string, { metafile }: Bundle): Table {
  const outputs = Object.keys(metafile.outputs);
  const entry = outputs.find((output) => metafile.outputs[output]?.entryPoint === 'dist/index.js');
  if (entry === undefined) throw new Error('The bundle has no entry dist/index.js');
  const loaded = new Set<string>();
  const load = (output: string) => {
    loaded.add(output);
    for (const { path, kind, external } of metafile.outputs[output]?.imports ?? []) {
      if (kind === 'import-statement' && !external && !loaded.has(path)) load(path);
    }
  };
  load(entry);
  return {
    'loaded by import': bytesOf(source, [...loaded]),
    'loaded when used': bytesOf(
      source,
      outputs.filter((output) => !loaded.has(output)),
    ),
  };
}

function bytesOf(source: string, outputs: readonly string[]) {
  const contents = outputs.map((output) => readFileSync(join(source, output)));
  const total = (sizes: number[]) => sizes.reduce((sum, bytes) => sum + bytes, 0);
  return {
    files: outputs.length,
    'bytes minified': total(contents.map((content) => content.length)),
    'bytes gzipped': total(contents.map((content) => gzipSync(content).length)),
  };
}

/** Milliseconds that a process takes longer for importing the root entry. */
export function importTime({ file }: Bundle): Table {
  const script = `import ${JSON.stringify(pathToFileURL(file).href)};`;
  const differences: number[] = [];
  start('');
  start(script);
  for (let round = 0; round < STARTS; round++) {
    const bare = start('');
    differences.push(start(script) - bare);
  }
  return { 'import of the root, ms above bare node': summarize(differences) };
}

function start(script: string): number {
  const started = performance.now();
  execFileSync(process.execPath, ['--input-type=module', '-e', script]);
  return performance.now() - started;
}

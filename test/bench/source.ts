import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { circles, importGraph } from '../support/import-graph.ts';
import type { Table } from './table.ts';

/** How much source there is, and how many groups of files import each other in a circle. */
export function sources(source: string): Table {
  const folder = join(source, 'src');
  const graph = importGraph(folder);
  const files = [...graph.keys()];
  return {
    src: sizeOf(folder, files),
    'src without cli and testing': sizeOf(
      folder,
      files.filter((file) => !/^(cli|testing)\//.test(file)),
    ),
    'circles of imports': { count: circles(graph).length },
    'with import()': { count: circles(importGraph(folder, { lazy: true })).length },
  };
}

function sizeOf(folder: string, files: readonly string[]) {
  const texts = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  const lines = texts.reduce((sum, text) => sum + text.split('\n').length - 1, 0);
  return { lines, files: files.length };
}

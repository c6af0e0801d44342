import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { circles, importGraph } from './import-graph.ts';

function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'import-graph-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

describe('importGraph', () => {
  const files = {
    'a.ts': `import { b } from './b.ts'; import type { C } from './c.ts'; import 'node:fs';`,
    'b.ts': `export * from './c.ts'; export type D = import('./d.ts').D; // from './a.ts'`,
    'c.ts': `export const load = () => import('./a.ts');`,
    'd.ts': `export type D = "from './a.ts'";`,
  };

  it('finds imports, re-exports and types, but neither comments nor strings', () => {
    const graph = importGraph(folderOf(files));
    expect(Object.fromEntries(graph)).toEqual({
      'a.ts': new Set(['b.ts', 'c.ts']),
      'b.ts': new Set(['c.ts', 'd.ts']),
      'c.ts': new Set(),
      'd.ts': new Set(),
    });
  });

  it('follows import() where asked to', () => {
    const folder = folderOf(files);
    expect(circles(importGraph(folder))).toEqual([]);
    expect(circles(importGraph(folder, { lazy: true }))).toEqual([['a.ts', 'b.ts', 'c.ts']]);
  });
});

describe('circles', () => {
  const circlesOf = (edges: Record<string, string[]>) =>
    circles(new Map(Object.entries(edges).map(([file, to]) => [file, new Set(to)])));

  it('finds each group once, also a file that imports itself', () => {
    const edges = { a: ['b', 'c'], b: ['a'], c: ['d'], d: ['e'], e: ['c'], f: ['f', 'a'] };
    expect(circlesOf(edges)).toEqual([['c', 'd', 'e'], ['a', 'b'], ['f']]);
  });

  it('finds none where paths only meet again', () => {
    expect(circlesOf({ a: ['b', 'c'], b: ['d'], c: ['d', 'b'], d: [] })).toEqual([]);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import ts from 'typescript';

/** For each TypeScript file of a folder, the files of the folder that it imports. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Reads the relative imports and re-exports of every TypeScript file in `folder`, type-only ones
 * included. Paths are relative to `folder`, with forward slashes.
 *
 * @param lazy - whether `import()` counts as well
 */
export function importGraph(folder: string, { lazy = false } = {}): ImportGraph {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.replaceAll(sep, '/'));
  return new Map(
    files.map((file) => {
      const specifiers = specifiersIn(file, readFileSync(join(folder, file), 'utf8'), lazy);
      const relative = specifiers.filter((specifier) => specifier.startsWith('.'));
      return [file, new Set(relative.map((to) => posix.join(posix.dirname(file), to)))];
    }),
  );
}

function specifiersIn(file: string, text: string, lazy: boolean): string[] {
  const specifiers: string[] = [];
  const visit = (node: ts.Node): void => {
    const specifier = specifierOf(node, lazy);
    if (specifier !== undefined && ts.isStringLiteral(specifier)) specifiers.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest));
  return specifiers;
}

function specifierOf(node: ts.Node, lazy: boolean): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier;
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return node.argument.literal;
  }
  const isImport =
    ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
  return lazy && isImport ? node.arguments[0] : undefined;
}

/**
 * The circles of a graph: each is a largest group of files that all import each other, directly or
 * through others of the group (a strongly connected component, by Tarjan's algorithm).
 */
export function circles(graph: ImportGraph): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const path: string[] = [];

  const visit = (file: string): number => {
    let low = order.size;
    order.set(file, low);
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) low = Math.min(low, visit(next));
      else if (path.includes(next)) low = Math.min(low, order.get(next) as number);
    }
    if (low === order.get(file)) {
      const group = path.splice(path.indexOf(file));
      if (group.length > 1 || graph.get(file)?.has(file)) found.push(group.sort());
    }
    return low;
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

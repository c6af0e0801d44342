import { readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import ts from 'typescript';

/** Lets every function in the TypeScript files of `folder` report that it is entered. */
export function instrumentFolder(folder: string): Plugin {
  return {
    name: 'instrument',
    setup(build) {
      // esbuild imports `enterFunction` from here into every file that uses the name.
      build.initialOptions.inject = [fileURLToPath(new URL('./trace.ts', import.meta.url))];
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(folder, path).replaceAll(sep, '/');
        if (file.startsWith('..')) return undefined;
        return { contents: instrument(readFileSync(path, 'utf8'), file), loader: 'ts' };
      });
    },
  };
}

/**
 * Puts a call of `enterFunction` at the start of every function body: of functions, methods,
 * constructors, accessors and arrow functions.
 */
export function instrument(text: string, file: string): string {
  const insertions: { at: number; text: string }[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const { body } = node;
      const call = `enterFunction(${JSON.stringify(file)}, ${isNamed(node)})`;
      if (ts.isBlock(body)) {
        insertions.push({ at: body.getStart() + 1, text: ` ${call};` });
      } else {
        insertions.push({ at: body.getStart(), text: `(${call}, ` }, { at: body.end, text: ')' });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  insertions.sort((a, b) => a.at - b.at);

  let result = '';
  let copied = 0;
  for (const insertion of insertions) {
    result += text.slice(copied, insertion.at) + insertion.text;
    copied = insertion.at;
  }
  return result + text.slice(copied);
}

/**
 * Whether the function has a name: its own, or the name of the variable or property that is declared
 * with it. One without a name is a callback, written where it is passed on or returned.
 */
function isNamed(node: ts.SignatureDeclaration): boolean {
  if (node.name !== undefined || ts.isConstructorDeclaration(node)) return true;
  let value: ts.Node = node;
  while (
    ts.isParenthesizedExpression(value.parent) ||
    ts.isAsExpression(value.parent) ||
    ts.isSatisfiesExpression(value.parent)
  ) {
    value = value.parent;
  }
  const { parent } = value;
  return (
    ts.isVariableDeclaration(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isPropertyAssignment(parent)
  );
}

import ts from 'typescript';

/** A fenced block of code, in a Markdown document or in a doc comment. */
export interface CodeBlock {
  readonly language: string;
  /** The code, without its indentation and without a newline at its end. */
  readonly code: string;
  /** The line of the document on which the code begins, from 1. */
  readonly line: number;
}

/** The fenced blocks of a document, in order; those of lists and doc comments are indented. */
export function allBlocks(text: string): CodeBlock[] {
  const fence = /^([ *]*)```(\w*)\n([\s\S]*?)^\1```$/gm;
  return [...text.matchAll(fence)].map(
    ({ 1: indent = '', 2: language = '', 3: code = '', index }) => {
      const lines = code.split('\n').slice(0, -1);
      return {
        language,
        code: lines.map((line) => line.slice(indent.length)).join('\n'),
        line: text.slice(0, index).split('\n').length + 1,
      };
    },
  );
}

/** The fenced blocks in one language, in order. */
export const codeBlocks = (text: string, language: string) =>
  allBlocks(text).filter((block) => block.language === language);

/**
 * Modules made of the blocks of a document. A block belongs to those before it, and goes on with their
 * names. One that declares a name of theirs again begins anew, and keeps only the imports. Each keeps the lines
 * that it has in its document, so that an error names them.
 */
export function modulesOf(blocks: readonly CodeBlock[]): string[] {
  const modules: string[][] = [];
  const imports = new Map<string, string>();
  let taken = new Set<string>();
  for (const { code, line } of blocks) {
    const found = declarations(code);
    if (modules.length === 0 || [...found.keys()].some((name) => taken.has(name))) {
      const kept = [...imports].filter(([name]) => !found.has(name));
      modules.push([kept.map(([, text]) => text).join(' ')]);
      taken = new Set(kept.map(([name]) => name));
    }
    const lines = modules.at(-1) as string[];
    while (lines.length < line - 1) lines.push('');
    lines.push(...code.split('\n'));
    const inner = innerNames(code);
    for (const name of usedNames(code)) if (!inner.has(name)) taken.add(name);
    for (const [name, imported] of found) {
      taken.add(name);
      if (imported !== undefined) imports.set(name, imported);
    }
  }
  return modules.map((lines) => `${lines.join('\n')}\n`);
}

/** The one module that the blocks of a document make; for a document that is run as a whole. */
export function moduleOf(blocks: readonly CodeBlock[]): string {
  const [code = '', ...others] = modulesOf(blocks);
  if (others.length > 0) throw new Error('A block declares a name again.');
  return code;
}

/** The names that code declares at its top level; those that it imports, with the import. */
export function declarations(code: string): Map<string, string | undefined> {
  const names = new Map<string, string | undefined>();
  const source = ts.createSourceFile('block.ts', code, ts.ScriptTarget.Latest);
  const add = (name: ts.BindingName) => {
    if (ts.isIdentifier(name)) names.set(name.text, undefined);
    else for (const element of name.elements) if (ts.isBindingElement(element)) add(element.name);
  };
  for (const statement of source.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) add(name);
    } else if (ts.isImportDeclaration(statement)) {
      const from = statement.moduleSpecifier.getText(source);
      const { name, namedBindings, phaseModifier } = statement.importClause ?? {};
      const kind = phaseModifier === ts.SyntaxKind.TypeKeyword ? 'type ' : '';
      if (name) names.set(name.text, `import ${kind}${name.text} from ${from};`);
      if (namedBindings && ts.isNamedImports(namedBindings)) {
        for (const element of namedBindings.elements) {
          const text = `import ${kind}{ ${element.getText(source)} } from ${from};`;
          names.set(element.name.text, text);
        }
      }
    } else if (
      ts.isFunctionDeclaration(statement) ||
      ts.isClassDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement)
    ) {
      if (statement.name) add(statement.name);
    }
  }
  return names;
}

/** The names that functions in the code declare for themselves. */
function innerNames(code: string): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node, isInner: boolean) => {
    const isName =
      ts.isParameter(node) || ts.isBindingElement(node) || ts.isVariableDeclaration(node);
    if (isInner && isName && ts.isIdentifier(node.name)) names.add(node.name.text);
    ts.forEachChild(node, (child) => visit(child, isInner || ts.isFunctionLike(node)));
  };
  visit(ts.createSourceFile('block.ts', code, ts.ScriptTarget.Latest), false);
  return names;
}

/** The names that code uses, but for those of members. */
export function usedNames(code: string): Set<string> {
  const used = new Set<string>();
  const visit = (node: ts.Node, parent?: ts.Node) => {
    const isMember =
      parent !== undefined &&
      ((ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        (ts.isPropertyAssignment(parent) && parent.name === node));
    if (ts.isIdentifier(node) && !isMember) used.add(node.text);
    ts.forEachChild(node, (child) => visit(child, node));
  };
  visit(ts.createSourceFile('block.ts', code, ts.ScriptTarget.Latest));
  return used;
}

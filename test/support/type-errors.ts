import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { declarations, usedNames } from './code-blocks.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The code of a document, as it is compiled. */
export interface ShownModule {
  /** The document, relative to the project's root: imports are resolved from its folder. */
  readonly page: string;
  /** Its first line is empty, or has imports: further ones are put there. */
  readonly code: string;
  /** A module of the project whose exports the code may use without an import of its own. */
  readonly names?: string;
  readonly isJsx?: boolean;
}

/**
 * The errors of the compiler, all modules in one program: one text for each, with its line.
 *
 * @param config - whose options are used, relative to the project's root
 */
export function typeErrors(modules: readonly ShownModule[], config = 'tsconfig.json'): string[] {
  const path = join(root, config);
  const { config: json } = ts.readConfigFile(path, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(json, ts.sys, dirname(path));
  const shown = { ...options, noUnusedLocals: false }; // a document shows values that nothing uses
  const host = ts.createCompilerHost(shown);

  const files = [...new Set(modules.flatMap(({ names = [] }) => names))];
  const given = ts.createProgram(
    files.map((file) => join(root, file)),
    shown,
    host,
  );
  const exportsOf = new Map(files.map((file) => [file, exportedNames(given, file)]));

  const pages = new Map<string, string>();
  const sources = new Map<string, string>();
  for (const { page, code, names, isJsx } of modules) {
    const path = join(root, dirname(page), `shown-${sources.size}.${isJsx ? 'tsx' : 'ts'}`);
    const exported = (names && exportsOf.get(names)) || new Map<string, boolean>();
    sources.set(path, names ? `${importOf(code, exported, join(root, names))} ${code}` : code);
    pages.set(path, page);
  }
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path) ?? readFile(path);
  host.getSourceFile = (path, version) => {
    const text = sources.get(path);
    return text === undefined
      ? (given.getSourceFile(path) ?? getSourceFile(path, version))
      : ts.createSourceFile(path, text, version);
  };
  const program = ts.createProgram([...sources.keys()], shown, host);
  return [...sources.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return ts
      .getPreEmitDiagnostics(program, source)
      .filter(({ code }) => code !== RETURN_OUTSIDE_A_FUNCTION)
      .map(({ file, start = 0, messageText }) => {
        const line = file && file.getLineAndCharacterOfPosition(start).line + 1;
        return `${pages.get(path)}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
      });
  });
}

// A document may show the inside of a function.
const RETURN_OUTSIDE_A_FUNCTION = 1108;

/** What a module exports, and whether it is a value or only a type. */
function exportedNames(program: ts.Program, file: string): Map<string, boolean> {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(join(root, file));
  const symbol = source && checker.getSymbolAtLocation(source);
  if (symbol === undefined) throw new Error(`${file} is no module.`);
  return new Map(
    checker.getExportsOfModule(symbol).map((exported) => {
      const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
      const { flags } = isAlias ? checker.getAliasedSymbol(exported) : exported;
      return [exported.name, (flags & ts.SymbolFlags.Value) !== 0];
    }),
  );
}

/** An import of the names that code uses and does not declare. */
function importOf(code: string, exported: ReadonlyMap<string, boolean>, from: string): string {
  const declared = declarations(code);
  const used = usedNames(code);
  const imported = [...exported]
    .filter(([name]) => used.has(name) && !declared.has(name))
    .map(([name, isValue]) => (isValue ? name : `type ${name}`));
  return `import { ${imported.join(', ')} } from '${from}';`;
}

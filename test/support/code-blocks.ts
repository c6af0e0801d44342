import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import ts from 'typescript';
import { cacheFolder } from '../../examples/mongo-server/cache-folder.ts';
import { devDependencies, peerDependencies } from '../../package.json';
import { type Finished, runScript } from './run-script.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block of code in a Markdown document. */
export interface CodeBlock {
  /** The code, without a newline at its end. */
  readonly code: string;
  /** The line of the document on which the code begins, from 1. */
  readonly line: number;
}

/** The fenced blocks in one language, in order. */
export function codeBlocks(markdown: string, language: string): CodeBlock[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)\\n?^\`\`\`$`, 'gm');
  return [...markdown.matchAll(fence)].map(({ 1: code = '', index }) => ({
    code,
    line: markdown.slice(0, index).split('\n').length + 1,
  }));
}

/**
 * One module made of blocks. Each keeps the lines that it has in its document, so that an error names
 * them.
 *
 * @param prelude - one line for the names that the document assumes, put before the first block
 */
export function moduleOf(blocks: readonly CodeBlock[], prelude = ''): string {
  const lines = [prelude];
  for (const { code, line } of blocks) {
    while (lines.length < line - 1) lines.push('');
    lines.push(...code.split('\n'));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * The errors of the compiler: one text for each, with its line.
 *
 * @param modules - sources by file name, relative to the project's root; they may import each other
 * @param config - whose options are used, relative to the project's root
 */
export function typeErrors(
  modules: Readonly<Record<string, string>>,
  config = 'tsconfig.json',
): string[] {
  const path = join(root, config);
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(path, ts.sys.readFile).config,
    ts.sys,
    dirname(path),
  );
  const sources = new Map(Object.entries(modules).map(([name, text]) => [join(root, name), text]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => sources.has(path) || fileExists(path);
  host.readFile = (path) => sources.get(path) ?? readFile(path);
  host.getSourceFile = (path, version) => {
    const text = sources.get(path);
    return text === undefined
      ? getSourceFile(path, version)
      : ts.createSourceFile(path, text, version);
  };
  // A document shows values that nothing uses.
  const shown = { ...options, noUnusedLocals: false };
  const program = ts.createProgram([...sources.keys()], shown, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText }) => {
    const line = file && file.getLineAndCharacterOfPosition(start).line + 1;
    return `${file?.fileName ?? ''}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}

/** Runs a module in a process of its own. Imports are resolved as from the project's root. */
export async function runModule(
  source: string,
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  const outfile = join(await cacheFolder(), `module-${process.pid}.mjs`);
  await build({
    stdin: { contents: source, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: [...Object.keys(peerDependencies), ...Object.keys(devDependencies)],
    outfile,
  });
  try {
    return await runScript(outfile, [], { ...env });
  } finally {
    await rm(outfile);
  }
}

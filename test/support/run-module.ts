import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as library from 'provider-vault';
import { cacheFolder } from '../../examples/mongo-server/cache-folder.ts';
import { devDependencies, peerDependencies } from '../../package.json';
import { declarations, usedNames } from './code-blocks.ts';
import { type Finished, runScript } from './run-script.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/**
 * Runs a module in a process of its own. Imports are resolved as from the project's root.
 *
 * @param names - a module of the project whose exports the code may use without an import, as those of the package
 */
export async function runModule(
  source: string,
  names: string,
  env: Readonly<Record<string, string>>,
): Promise<Finished> {
  const outfile = join(await cacheFolder(), `module-${process.pid}.mjs`);
  await build({
    stdin: { contents: `${importsOf(source, names)}${source}`, resolveDir: root, loader: 'ts' },
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

/**
 * Runs a module in this process, and returns what it exports. It shares the values of `names` with its
 * caller. Imports are resolved as from test/.
 *
 * @param names - as for {@link runModule}
 */
export async function importModule(
  source: string,
  names: string,
): Promise<Record<string, unknown>> {
  const file = join(root, 'test', `.guide-${randomUUID()}.ts`);
  await writeFile(file, `${importsOf(source, names, root)}${source}`);
  try {
    return await import(/* @vite-ignore */ file);
  } finally {
    await rm(file);
  }
}

/** Imports of what code uses and does not declare. */
function importsOf(code: string, names: string, from = './'): string {
  const text = readFileSync(join(root, names), 'utf8');
  const own = text
    .split(/^(?=export )/m)
    .flatMap((part) => [...declarations(part.startsWith('export ') ? part : '').keys()]);
  const taken = declarations(code);
  const imports: string[] = [];
  for (const [module, exported] of [
    [`${from}${names}`, own],
    ['provider-vault', Object.keys(library)],
  ] as const) {
    const wanted = exported.filter((name) => usedNames(code).has(name) && !taken.has(name));
    for (const name of wanted) taken.set(name, module);
    imports.push(`import { ${wanted.join(', ')} } from '${module}';`);
  }
  return imports.join(' ');
}

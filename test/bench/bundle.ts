import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Metafile } from 'esbuild';
import { cacheFolder } from '../../examples/mongo-server/cache-folder.ts';

/** The package's code, bundled. */
export interface Bundle {
  /** The JavaScript file that exports what the entry point exports. */
  readonly file: string;
  readonly metafile: Metafile;
}

/**
 * Bundles an entry point as an application's build would: minified for Node, peers left out, and what
 * is imported lazily in files of its own.
 *
 * @param source - folder of the checkout whose package.json names the peers
 */
export async function bundle(
  source: string,
  name: string,
  entry: string,
  options: Pick<BuildOptions, 'alias' | 'plugins'> = {},
): Promise<Bundle> {
  const { peerDependencies } = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8'));
  // Inside node_modules: the bundle finds the peers where the benchmark does.
  const outdir = join(await cacheFolder(), 'bench', name);
  const { metafile } = await build({
    absWorkingDir: source,
    entryPoints: { [name]: entry },
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    splitting: true,
    external: Object.keys(peerDependencies),
    outdir,
    outExtension: { '.js': '.mjs' },
    metafile: true,
    logLevel: 'error',
    ...options,
  });
  return { file: join(outdir, `${name}.mjs`), metafile };
}

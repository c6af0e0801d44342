import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { defineConfig, type Options } from 'tsup';

const common = {
  target: 'node20',
  platform: 'node',
  treeshake: true,
  splitting: true,
  metafile: true,
} satisfies Options;

type Plugin = NonNullable<Options['plugins']>[number];

/**
 * `require()` in the place of `import()` in the CommonJS build: Jest cannot load a module by
 * `import()` from CommonJS. As with `import()`, `default` is the whole module.
 */
const requireInCommonJs: Plugin = {
  name: 'require-in-commonjs',
  renderChunk(code) {
    if (this.format !== 'cjs') return undefined;
    const withRequire = code
      .replace(/\bimport\((["']\.[^"']+["'])\)/g, 'Promise.resolve().then(() => require($1))')
      .replace(/\bimport\((["'][^."'][^"']*["'])\)/g, 'asNamespace(require($1))');
    if (!withRequire.includes('asNamespace(')) return { code: withRequire };
    return { code: `${withRequire}\n${AS_NAMESPACE}` };
  },
};

const AS_NAMESPACE = `function asNamespace(module) {
  if (module && module[Symbol.toStringTag] === 'Module') return module;
  return Object.create(module, { default: { value: module } });
}`;

type EsbuildPlugin = NonNullable<Options['esbuildPlugins']>[number];

/**
 * One chunk for all that the root entry loads at once. esbuild makes a chunk for each combination of
 * entry points that share a module, and every lazy import is an entry point: importing the package
 * would read two dozen small files. Here every entry point imports the root's, so they share it whole.
 */
const oneChunkForTheRoot: EsbuildPlugin = {
  name: 'one-chunk-for-the-root',
  setup(build) {
    const root = resolve('src/index.ts');
    const entries = new Set([
      ...Object.values(library.entry).map((entry) => resolve(entry)),
      ...lazyImports('src'),
    ]);
    build.onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path),
      sideEffects: true, // else the added import is dropped again
    }));
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path === root || !entries.has(path)) return undefined;
      const text = await readFile(path, 'utf8');
      return { contents: `import ${JSON.stringify(root)};\n${text}`, loader: 'ts' };
    });
  },
};

/** The files that files in `folder` import by `import()`. */
function lazyImports(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => {
      const imports = readFileSync(join(folder, file), 'utf8').matchAll(/import\('(\..*?)'\)/g);
      return [...imports].map(([, path = '']) => resolve(folder, dirname(file), path));
    });
}

export const library = {
  ...common,
  entry: {
    index: 'src/index.ts',
    mongo: 'src/mongo/index.ts',
    postgres: 'src/postgres/index.ts',
    twilio: 'src/twilio/index.ts',
    sendgrid: 'src/sendgrid/index.ts',
    oauth: 'src/oauth/index.ts',
    mail: 'src/mail/index.ts',
    kms: 'src/kms/index.ts',
    otel: 'src/otel/index.ts',
    settings: 'src/settings/index.ts',
    testing: 'src/testing/index.ts',
  },
  // Entry points share their modules: classes and caches exist once, whichever name is imported.
  format: ['esm', 'cjs'],
  esbuildPlugins: [oneChunkForTheRoot],
  plugins: [requireInCommonJs],
  // tsup sets baseUrl for the declarations, which TypeScript 6 reports as deprecated.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // The package has no dependencies: tsup bundles the development ones that are imported in src.
  external: [
    ...['mongodb', 'pg', 'twilio', '@sendgrid/mail', '@aws-sdk/client-kms'],
    ...['oauth4webapi', 'nodemailer', '@opentelemetry/api'],
  ],
} satisfies Options;

/** `<provider-settings>`: one file that a browser loads as it is. */
const element = {
  entry: { element: 'src/settings/element/index.ts' },
  outDir: 'dist/settings',
  target: 'es2022',
  platform: 'browser',
  format: ['esm'],
  minify: true,
  treeshake: true,
  metafile: true,
  tsconfig: 'test/pages/tsconfig.json',
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
} satisfies Options;

// The command line is a program that uses the library by its name, as others do.
export const commandLine = {
  ...common,
  entry: { main: 'src/cli/main.ts' },
  outDir: 'dist/cli',
  format: ['esm'],
  external: [
    ...library.external,
    ...['@azure/identity', '@azure/keyvault-keys', '@google-cloud/kms'],
    ...['secretlint', 'provider-vault', 'provider-vault/kms'],
  ],
  // The CommonJS packages that are bundled use require() and __filename, which an ES module lacks.
  banner: ({ format }) =>
    format === 'esm'
      ? {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const __filename = import.meta.filename;",
        }
      : {},
} satisfies Options;

export default defineConfig([library, element, commandLine]);

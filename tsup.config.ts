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

export const library = {
  ...common,
  entry: {
    index: 'src/index.ts',
    mongo: 'src/mongo/index.ts',
    twilio: 'src/twilio/index.ts',
    sendgrid: 'src/sendgrid/index.ts',
    testing: 'src/testing/index.ts',
  },
  // Entry points share their modules: classes and caches exist once, whichever name is imported.
  format: ['esm', 'cjs'],
  plugins: [requireInCommonJs],
  // tsup sets baseUrl for the declarations, which TypeScript 6 reports as deprecated.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // The package has no dependencies: tsup bundles the development ones that are imported in src.
  external: ['mongodb', 'twilio', '@sendgrid/mail'],
} satisfies Options;

// The command line is a program that uses the library by its name, as others do.
export const commandLine = {
  ...common,
  entry: { main: 'src/cli/main.ts' },
  outDir: 'dist/cli',
  format: ['esm'],
  external: [...library.external, 'secretlint', 'provider-vault'],
  // The CommonJS packages that are bundled use require() and __filename, which an ES module lacks.
  banner: ({ format }) =>
    format === 'esm'
      ? {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const __filename = import.meta.filename;",
        }
      : {},
} satisfies Options;

export default defineConfig([library, commandLine]);

import { defineConfig } from 'tsup';

export default defineConfig({
  entry: {
    index: 'src/index.ts',
    mongo: 'src/mongo.ts',
    twilio: 'src/twilio.ts',
    sendgrid: 'src/sendgrid.ts',
    testing: 'src/testing/index.ts',
  },
  format: ['esm', 'cjs'],
  target: 'node20',
  platform: 'node',
  treeshake: true,
  // Entry points share their modules: classes and caches exist once, whichever name is imported.
  splitting: true,
  // tsup sets baseUrl for the declarations, which TypeScript 6 reports as deprecated.
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // The package has no dependencies: tsup bundles the development ones that are imported in src.
  external: ['mongodb', 'twilio', '@sendgrid/mail'],
  // The CommonJS ones among them use require() and __filename, which an ES module does not have.
  banner: ({ format }) =>
    format === 'esm'
      ? {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); const __filename = import.meta.filename;",
        }
      : {},
  metafile: true,
});

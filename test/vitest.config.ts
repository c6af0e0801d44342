import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

// Minutes of many processes that write, are stopped and killed: `npm run test:processes`.
const PROCESSES = [
  'kms-load',
  'tenant-keys',
  'refresh-processes',
  'lease-processes',
  'copy-records',
].map((name) => `test/integration/${name}.test.ts`);
const only = process.env.PROVIDER_VAULT_PROCESSES === '1';

export default defineConfig({
  root,
  resolve: {
    // The public names lead to the sources, as in tsconfig.json, so that tests import what users do.
    alias: [
      { find: /^provider-vault$/, replacement: `${root}src/index.ts` },
      { find: /^provider-vault\/testing$/, replacement: `${root}src/testing/index.ts` },
      { find: /^provider-vault\/(\w+)$/, replacement: `${root}src/$1/index.ts` },
    ],
  },
  test: {
    include: only ? PROCESSES : ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', ...(only ? [] : PROCESSES)], // npm run test:e2e
    typecheck: {
      enabled: !only,
      include: ['test/**/*.test-d.ts'],
      // "npm run types" reports those; here only the expectations of the type tests count.
      ignoreSourceErrors: true,
    },
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});

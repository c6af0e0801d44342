import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

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
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**'], // npm run test:e2e
    typecheck: {
      enabled: true,
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

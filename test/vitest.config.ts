import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

// What starts many processes, the command line included, or servers that are killed, takes minutes:
// `npm run test:processes`.
const PROCESSES = [
  'cli/*',
  'examples/crm-add-user',
  'examples/crm-server',
  'examples/fleet',
  'examples/stories',
  'integration/connections',
  'integration/copy-records',
  'integration/file-processes',
  'integration/killed-operations',
  'integration/killed-rotations',
  'integration/kms-aws',
  'integration/kms-guide',
  'integration/kms-load',
  'integration/kms-vault',
  'integration/lease-processes',
  'integration/mongo-failures',
  'integration/mongo-processes',
  'integration/mongo-scale',
  'integration/mongo-watch',
  'integration/iv-and-heap',
  'integration/postgres-store',
  'integration/refresh-processes',
  'integration/shared-operations',
  'integration/soak',
  'integration/tenant-keys',
].map((name) => `test/${name}.test.ts`);
const only = process.env.PROVIDER_VAULT_PROCESSES === '1';
const deep = process.env.PROVIDER_VAULT_DEEP === '1'; // names its files: `npm run test:deep`

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
    exclude: ['test/e2e/**', ...(only || deep ? [] : PROCESSES)], // npm run test:e2e
    typecheck: {
      enabled: !only,
      include: ['test/**/*.test-d.ts'],
      // "npm run types" reports those; here only the expectations of the type tests count.
      ignoreSourceErrors: true,
    },
    globalSetup: ['test/support/global-setup.ts'],
    pool: 'forks',
    // Much of the suite waits for a server or a time-out: one more than the usual two cores.
    maxWorkers: 3,
    testTimeout: deep ? 25 * 60_000 : 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } },
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
    },
  },
});

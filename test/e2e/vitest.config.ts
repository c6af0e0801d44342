import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

// The same names and the same server, other files: a browser is not needed for `npm test`.
export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: ['test/e2e/**/*.test.ts'],
    exclude: [],
    typecheck: { enabled: false },
    globalSetup: [...[base.test?.globalSetup ?? []].flat(), 'test/e2e/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

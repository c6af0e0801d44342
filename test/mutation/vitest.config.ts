import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import base from '../vitest.config.ts';
import { reusedWorker } from './reused-worker.ts';
import { type Folder, SLOW, TESTS, WITH_MONGO } from './tests.ts';

const folder = process.env.MUTATION_FOLDER as Folder;

/** The first test that fails ends a run: those that wait come last. */
class FastFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      SLOW.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
    return files.sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  ...base,
  plugins: [reusedWorker],
  test: {
    ...base.test,
    include: (TESTS[folder] ?? []).map((name) => `test/${name}.test.ts`),
    exclude: [],
    isolate: false,
    sequence: { sequencer: FastFirst },
    setupFiles: ['test/mutation/fresh-modules.ts'],
    typecheck: { enabled: false },
    testTimeout: 15_000, // a test that waits for ever has noticed; sooner than Stryker would
    globalSetup: WITH_MONGO.includes(folder) ? ['test/support/global-setup.ts'] : [],
    // Stryker's copy of the project is in node_modules, whose files vitest would not transform.
    server: { deps: { inline: [/\/mutation\/sandbox/] } },
  },
});

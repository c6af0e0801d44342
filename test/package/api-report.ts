// The public surface of each entry, in `.ci/api`: what a change does to it shows in review. Reads the
// declarations of the build; with `--write` it writes the reports, else it fails where they differ.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  CompilerState,
  Extractor,
  ExtractorConfig,
  type ExtractorLogLevel,
} from '@microsoft/api-extractor';

const REPORTS = resolve('.ci/api');
const MADE_NOW = resolve('node_modules/.cache/provider-vault/api-report');

const write = process.argv.includes('--write');
const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
// What a browser loads has no `require`, and one function that a page calls.
const declarations = Object.values<{ import?: { types: string }; require?: object }>(exports)
  .filter((entry) => entry.require)
  .map((entry) => resolve(entry.import?.types ?? ''));

// The report is about names and types. Comments and exports are typedoc's concern (`check:docs`), and
// its messages name files of `dist`, whose names change with each build.
const silent = { logLevel: 'none' as ExtractorLogLevel, addToApiReportFile: false };
const compilerOptions = {
  ...{ module: 'nodenext', target: 'es2022', lib: ['es2023'], types: ['node'] },
  ...{ strict: true, skipLibCheck: true },
};
const configs = declarations.map((mainEntryPointFilePath) =>
  ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: resolve('package.json'),
    configObject: {
      projectFolder: resolve('.'),
      mainEntryPointFilePath,
      compiler: { overrideTsconfig: { compilerOptions, files: declarations } },
      apiReport: {
        enabled: true,
        reportFileName: `${basename(mainEntryPointFilePath, '.d.ts')}.api.md`,
        reportFolder: REPORTS,
        reportTempFolder: MADE_NOW,
      },
      newlineKind: 'lf',
      messages: { extractorMessageReporting: { default: silent } },
    },
  }),
);
const [first] = configs;
assert.ok(first, 'package.json exports nothing');
mkdirSync(REPORTS, { recursive: true });
rmSync(MADE_NOW, { recursive: true, force: true });

const compilerState = CompilerState.create(first, { additionalEntryPoints: declarations });
const changed = configs.filter((config) => {
  const { succeeded, errorCount, apiReportChanged } = Extractor.invoke(config, {
    localBuild: write,
    compilerState,
    messageCallback: (message) => {
      if (message.category === 'console') message.handled = true; // said below, once
    },
  });
  assert.ok(succeeded || errorCount === 0, `${config.mainEntryPointFilePath}: no report`);
  return apiReportChanged;
});
const names = (of: readonly ExtractorConfig[]) =>
  of.flatMap(({ reportConfigs }) => reportConfigs.map(({ fileName }) => fileName));
const stale = readdirSync(REPORTS).filter((name) => !names(configs).includes(name));

if (write) {
  for (const name of stale) rmSync(join(REPORTS, name));
} else if (changed.length + stale.length > 0) {
  for (const name of names(changed)) {
    spawnSync('diff', ['-uN', join(REPORTS, name), join(MADE_NOW, name)], { stdio: 'inherit' });
  }
  for (const name of stale) console.error(`.ci/api/${name}: the package has no such entry`);
  console.error('\nThe public API changed: run "npm run api:report" and commit what it writes.');
  process.exitCode = 1;
}

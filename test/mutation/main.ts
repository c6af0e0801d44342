import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Stryker } from '@stryker-mutator/core';
import { type MutationReport, writeReport } from './report.ts';
import { type Folder, TESTS } from './tests.ts';

// npm run test:mutation [-- FOLDER…]: mutates those folders of src, by default all, and writes what
// the tests noticed into the reference page.
const CACHE = 'node_modules/.cache/provider-vault/mutation';
const PAGE = 'docs/reference/mutation-testing.md';

const known = Object.keys(TESTS) as Folder[];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.some((folder) => folder === name));
if (unknown.length > 0) throw new Error(`No such folder: ${unknown}. There are: ${known}.`);

setPriority(19); // of the processes that it starts, too
mkdirSync(CACHE, { recursive: true });
for (const folder of known.filter((name) => asked.length === 0 || asked.includes(name))) {
  process.env.MUTATION_FOLDER = folder; // for vitest.config.ts
  const name = folder.replace('/', '-');
  const fileName = `${CACHE}/${name}.json`;
  const incrementalFile = `${CACHE}/${name}.incremental.json`;
  if (existsSync(incrementalFile)) forgetSurvivors(incrementalFile);
  await new Stryker({
    configFile: '.ci/stryker.json',
    mutate: [`src/${folder}/*.ts`],
    incrementalFile,
    jsonReporter: { fileName },
  }).runMutationTest();
  const report = JSON.parse(readFileSync(fileName, 'utf8')) as MutationReport;
  writeFileSync(PAGE, writeReport(readFileSync(PAGE, 'utf8'), folder, report));
}
execFileSync('npx', ['biome', 'format', '--write', PAGE]);

/** Has them tried again: Stryker would keep its verdict on one that no test is known to reach. */
function forgetSurvivors(path: string): void {
  const report = JSON.parse(readFileSync(path, 'utf8')) as MutationReport;
  const files = Object.entries(report.files).map(([name, file]) => [
    name,
    { ...file, mutants: file.mutants.filter(({ status }) => status === 'Killed') },
  ]);
  writeFileSync(path, JSON.stringify({ ...report, files: Object.fromEntries(files) }));
}

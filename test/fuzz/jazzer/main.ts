// `npm run test:fuzz -- TARGET [SECONDS]`: fuzzing guided by coverage, with Jazzer.js, which npx fetches.
// Its native part needs glibc 2.38 (Debian 13, Ubuntu 24.04), macOS or Windows. What it finds worth
// keeping stays in node_modules/.cache/provider-vault/jazzer.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { cacheFolder } from '../../../examples/mongo-server/cache-folder.ts';
import { SEEDS } from './targets.ts';

const JAZZER = '@jazzer.js/core@4.0.0';
const [target = '', seconds = '120'] = process.argv.slice(2);
const seeds = (await SEEDS())[target];
if (seeds === undefined) {
  console.error(`Targets: ${Object.keys(await SEEDS()).join(', ')}`);
  process.exit(2);
}

const folder = join(await cacheFolder(), 'jazzer');
const corpus = join(folder, target);
mkdirSync(corpus, { recursive: true });
for (const [n, seed] of seeds.entries()) writeFileSync(join(corpus, `seed-${n}`), seed);
const outfile = join(folder, 'targets.cjs');
await build({
  entryPoints: ['test/fuzz/jazzer/targets.ts'],
  outfile,
  bundle: true,
  platform: 'node',
  target: 'node20',
  tsconfig: 'tsconfig.json',
  logLevel: 'error',
});
const jazzer = ['--fuzzEntryPoint', target, '--includes', 'targets.cjs', '--timeout', '2000'];
const libFuzzer = [`-max_total_time=${seconds}`, '-max_len=4096', '-print_final_stats=1'];
const { status } = spawnSync(
  'npx',
  ['--yes', `--package=${JAZZER}`, 'jazzer', outfile, corpus, ...jazzer, '--', ...libFuzzer],
  { stdio: 'inherit', cwd: folder },
);
process.exitCode = status ?? 1;

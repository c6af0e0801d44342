// Installs the packed package in projects like those of its users, and runs them: npm run test:consumers
// [-- words of the names to run].
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startMongo } from '../../examples/mongo-server/mongo-server.ts';
import { type Consumer, consumers, PROOF } from './consumers.ts';

const MINUTES = 10;

type Outcome = {
  readonly state: 'works' | 'cannot be installed here' | 'FAILS';
  readonly why?: string;
};

function tryConsumer(consumer: Consumer, tarball: string, uri: string): Outcome {
  const project = mkdtempSync(join(tmpdir(), 'consumer-'));
  const run = (command: string, args: readonly string[]) =>
    spawnSync(command, args, {
      cwd: project,
      encoding: 'utf8',
      timeout: MINUTES * 60_000,
      env: {
        ...process.env,
        TEST_MONGODB_URI: uri,
        NODE_ENV: undefined,
        NEXT_TELEMETRY_DISABLED: '1',
        CI: '1',
      },
    });
  try {
    for (const [path, content] of Object.entries(consumer.files)) {
      mkdirSync(dirname(join(project, path)), { recursive: true });
      writeFileSync(join(project, path), content);
    }
    writeFileSync(join(project, 'package.json'), '{ "private": true }');
    const flags = ['--no-audit', '--no-fund', '--loglevel=error'];
    const installed = run('npm', ['install', ...flags, tarball, ...consumer.install]);
    if (installed.status !== 0) {
      return { state: 'cannot be installed here', why: installed.stderr.split('\n')[0] ?? '' };
    }
    let output = '';
    for (const [command, ...args] of consumer.run) {
      const { status, stdout, stderr } = run(command, args);
      output = stdout + stderr;
      if (status !== 0)
        return { state: 'FAILS', why: `${[command, ...args].join(' ')}\n${output}` };
    }
    return output.includes(PROOF) ? { state: 'works' } : { state: 'FAILS', why: output };
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

const wanted = process.argv.slice(2);
const chosen = consumers.filter(({ name }) =>
  wanted.every((word) => name.toLowerCase().includes(word.toLowerCase())),
);
const folder = mkdtempSync(join(tmpdir(), 'tarball-'));
const server = await startMongo();
let failures = 0;
try {
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder]);
  const tarball = join(folder, readdirSync(folder)[0] as string);
  for (const consumer of chosen) {
    const { state, why = '' } = tryConsumer(consumer, tarball, server.uri);
    // Where everything can be installed, what was not is no success.
    if (state === 'FAILS' || (process.env.CI && state !== 'works')) failures++;
    console.log(`${state.padEnd(24)} ${consumer.name}${why && `\n${why}`}`);
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}
if (chosen.length === 0 || failures > 0) process.exitCode = 1;

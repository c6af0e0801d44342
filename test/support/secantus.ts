import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';
import { type MongodExecutable, mongodVersion } from './mongod.ts';

/**
 * SecantusDB, a server from PyPI that speaks MongoDB's protocol, stands in where no mongod can
 * be had. Only pre-releases of it exist, so the version is exact.
 */
const version = '0.7.0b3';

/** mongod's command line around SecantusDB. */
const executable = fileURLToPath(new URL('./mongod_secantus.py', import.meta.url));

const run = promisify(execFile);

/** Finds SecantusDB, installing it into the project's cache when it is not there yet. */
export async function secantus(): Promise<MongodExecutable> {
  const python = await pythonTag();
  // Compiled wheels fit one version of Python only.
  const packages = join(await cacheFolder(), `secantusdb-${version}-${python}`);
  if (!existsSync(packages)) await install(packages);
  return {
    path: executable,
    version: mongodVersion,
    describe: `SecantusDB ${version}, as no mongod was found or could be downloaded`,
    env: { ...process.env, PYTHONPATH: packages },
  };
}

async function pythonTag(): Promise<string> {
  const print = 'import sys; print(sys.implementation.cache_tag)';
  try {
    return (await run('python3', ['-c', print])).stdout.trim();
  } catch (cause) {
    throw new Error('SecantusDB needs python3 on the PATH', { cause });
  }
}

/**
 * Installs into a folder of its own, then renames: the folder appears whole or not at all, and
 * when several processes install at the same time the first one wins.
 */
async function install(packages: string): Promise<void> {
  const unfinished = await mkdtemp(`${packages}.unfinished-`);
  try {
    const options = ['--quiet', '--disable-pip-version-check', '--no-input', '--only-binary=:all:'];
    await run(
      'python3',
      ['-m', 'pip', 'install', ...options, '--target', unfinished, `secantusdb==${version}`],
      { env: { ...process.env, PIP_USER: '0' } },
    ).catch((cause) => {
      throw new Error(`pip could not install secantusdb==${version}`, { cause });
    });
    await rename(unfinished, packages).catch((error) => {
      if (!existsSync(packages)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

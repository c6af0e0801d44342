import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './cache-folder.ts';

const run = promisify(execFile);

/**
 * Installs packages of PyPI into the project's cache when they are not there yet.
 *
 * @param name - of the folder, with the version
 * @returns the folder, for `PYTHONPATH`
 */
export async function fromPypi(name: string, requirements: readonly string[]): Promise<string> {
  // Compiled wheels fit one version of Python only.
  const packages = join(await cacheFolder(), `${name}-${await pythonTag(name)}`);
  if (!existsSync(packages)) await install(packages, requirements);
  return packages;
}

async function pythonTag(name: string): Promise<string> {
  const print = 'import sys; print(sys.implementation.cache_tag)';
  try {
    return (await run('python3', ['-c', print])).stdout.trim();
  } catch (cause) {
    throw new Error(`${name} needs python3 on the PATH`, { cause });
  }
}

/**
 * Installs into a folder of its own, then renames: the folder appears whole or not at all, and
 * when several processes install at the same time the first one wins.
 */
async function install(packages: string, requirements: readonly string[]): Promise<void> {
  const unfinished = await mkdtemp(`${packages}.unfinished-`);
  try {
    const options = ['--quiet', '--disable-pip-version-check', '--no-input', '--only-binary=:all:'];
    await run(
      'python3',
      ['-m', 'pip', 'install', ...options, '--target', unfinished, ...requirements],
      { env: { ...process.env, PIP_USER: '0' } },
    ).catch((cause) => {
      throw new Error(`pip could not install ${requirements.join(' ')}`, { cause });
    });
    await rename(unfinished, packages).catch((error) => {
      if (!existsSync(packages)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

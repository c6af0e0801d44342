import { fileURLToPath } from 'node:url';
import { type MongodExecutable, mongodVersion } from './mongod.ts';
import { fromPypi } from './pypi.ts';

/**
 * SecantusDB, a server from PyPI that speaks MongoDB's protocol, stands in where no mongod can
 * be had. Only pre-releases of it exist, so the version is exact.
 */
const version = '0.7.0b3';

/** mongod's command line around SecantusDB. */
const executable = fileURLToPath(new URL('./mongod_secantus.py', import.meta.url));

/** Finds SecantusDB, installing it into the project's cache when it is not there yet. */
export async function secantus(): Promise<MongodExecutable> {
  const packages = await fromPypi(`secantusdb-${version}`, [`secantusdb==${version}`]);
  return {
    path: executable,
    version: mongodVersion,
    describe: `SecantusDB ${version}, as no mongod was found or could be downloaded`,
    env: { ...process.env, PYTHONPATH: packages },
  };
}

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { DryMongoBinary, MongoBinary } from 'mongodb-memory-server';
import { cacheFolder } from './cache-folder.ts';

/** Something that can be started with mongod's command line. */
export interface MongodExecutable {
  readonly path: string;
  /** What `--version` says of it. */
  readonly version: string;
  /** What it is, for people. */
  readonly describe: string;
  /** Environment of the process, that of the tests by default. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The release that is downloaded; a mongod that is found may be any. */
export const mongodVersion = '8.2.6';

const reachableWithinMs = 4_000;

/** Finds a mongod or downloads one; `undefined` when neither is possible. */
export async function mongod(): Promise<MongodExecutable | undefined> {
  const named = process.env.MONGOMS_SYSTEM_BINARY;
  const path = named || (await onPath()) || (await inCache()) || (await download());
  const version = path && (await versionOf(path));
  if (version) return { path, version, describe: `mongod ${version}` };
  if (named) throw new Error(`MONGOMS_SYSTEM_BINARY names no mongod that runs here: ${named}`);
  return undefined;
}

async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'mongod');
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** What mongodb-memory-server downloaded before. It has no build for some systems and then throws. */
async function inCache(): Promise<string | undefined> {
  return DryMongoBinary.locateBinary({ version: mongodVersion }).catch(() => undefined);
}

/**
 * Tries the download once per machine: left to itself, mongodb-memory-server would spend some
 * seconds of every run on a host that is out of reach.
 */
async function download(): Promise<string | undefined> {
  const failure = join(await cacheFolder(), 'mongod-download-failed.txt');
  if (existsSync(failure)) return undefined;
  try {
    await reachDownloadHost();
    return await MongoBinary.getPath({ version: mongodVersion });
  } catch (error) {
    await writeFile(failure, `${error}\nDelete this file to try again.\n`);
    return undefined;
  }
}

async function reachDownloadHost(): Promise<void> {
  const { MONGOMS_DOWNLOAD_URL, MONGOMS_DOWNLOAD_MIRROR } = process.env;
  const host = MONGOMS_DOWNLOAD_URL ?? MONGOMS_DOWNLOAD_MIRROR ?? 'https://fastdl.mongodb.org';
  await fetch(host, { method: 'HEAD', signal: AbortSignal.timeout(reachableWithinMs) });
}

/** A mongod that cannot run here, for want of a library perhaps, has no version. */
async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version']);
    return /^db version v(\S+)/m.exec(stdout)?.[1];
  } catch {
    return undefined;
  }
}

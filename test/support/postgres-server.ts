import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const INSTALLED = '/usr/lib/postgresql';

/** Where Debian keeps the programs of the newest PostgreSQL. */
const programs = existsSync(INSTALLED)
  ? readdirSync(INSTALLED)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(INSTALLED, version, 'bin'))
      .find((folder) => existsSync(join(folder, 'initdb')))
  : undefined;

/** Why there is no PostgreSQL server for tests; `undefined` where there is one. In CI there must be. */
export const noPostgres =
  programs === undefined && !process.env.CI
    ? `no PostgreSQL in ${INSTALLED}: apt-get install postgresql`
    : undefined;

export interface PostgresServer {
  readonly uri: string;
  /** Ends it as a crash does, and starts it again on its port. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a PostgreSQL server on a free port, whose default collation compares as people do. */
export async function startPostgres(): Promise<PostgresServer> {
  if (programs === undefined) throw new Error(noPostgres ?? `There is no ${INSTALLED}.`);
  const folder = await mkdtemp(join(tmpdir(), 'postgres-'));
  const owner = await serverUser(folder);
  const data = join(folder, 'data');
  const locale = ['--encoding=UTF8', '--locale=C.UTF-8', '--locale-provider=icu'];
  const options = [...locale, '--icu-locale=en-US', '--no-sync', '-A', 'trust', '-U', 'postgres'];
  await run(join(programs, 'initdb'), ['-D', data, ...options], owner);
  const port = await freePort();
  const uri = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  let server: ChildProcess;

  const start = async () => {
    // No fsync: the machine does not crash, only the server.
    const settings = ['fsync=off', `unix_socket_directories=${folder}`, 'max_connections=200'];
    const args = ['-D', data, '-p', String(port), ...settings.flatMap((text) => ['-c', text])];
    const launch = () =>
      spawn(join(programs as string, 'postgres'), args, {
        ...owner,
        stdio: 'ignore',
        detached: true, // a process group of its own, to be killed whole
      });
    server = launch();
    for (let attempt = 1; ; attempt++) {
      const client = new pg.Client(uri);
      client.on('error', () => {});
      try {
        await client.connect();
        return await client.end();
      } catch (error) {
        if (attempt === 600) throw error;
        // It does not start while processes of the one that was killed hold the shared memory.
        if (server.exitCode !== null) server = launch();
        await sleep(50);
      }
    }
  };
  const end = async (signal: NodeJS.Signals) => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    if (signal === 'SIGKILL') process.kill(-(server.pid as number), signal);
    else server.kill(signal);
    await ended;
  };
  await start();
  return {
    uri,
    start,
    kill: () => end('SIGKILL'),
    stop: async () => {
      await end('SIGINT'); // ends the connections, too
      await rm(folder, { recursive: true });
    },
  };
}

/** PostgreSQL refuses to run as root. */
async function serverUser(folder: string): Promise<{ uid?: number; gid?: number; cwd: string }> {
  if (process.getuid?.() !== 0) return { cwd: folder };
  const idOf = (option: string) =>
    Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  const [uid, gid] = [idOf('-u'), idOf('-g')];
  await chown(folder, uid, gid);
  return { uid, gid, cwd: folder };
}

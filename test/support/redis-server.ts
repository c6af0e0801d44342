import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { findProgram, installed } from './programs.ts';

const NAMES = ['redis-server', 'valkey-server'];

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** The Redis of this machine: one on the PATH, else Debian's, which root installs here. */
async function findRedis(): Promise<string | undefined> {
  return findProgram(NAMES) ?? ((await installed('redis-server')) ? findProgram(NAMES) : undefined);
}

/** Why there is no Redis for tests; `undefined` where there is one. In CI there must be. */
export async function noRedis(): Promise<string | undefined> {
  if (process.env.CI || (await findRedis()) !== undefined) return undefined;
  return 'no redis-server on the PATH: apt-get install redis-server';
}

/** Starts a Redis server on a free port, which keeps everything in memory. */
export async function startRedis(): Promise<RedisServer> {
  const program = await findRedis();
  if (program === undefined)
    throw new Error('There is no redis-server: apt-get install redis-server');
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const port = await freePort();
  const options = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    save: '',
    appendonly: 'no',
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(server, 'exit');
  const kill = () => server.kill('SIGKILL');
  process.on('exit', kill);
  await new Promise<void>((ready, failed) => {
    let log = '';
    server.stdout.on('data', (text) => {
      log += text;
      if (log.includes('Ready to accept connections')) ready();
    });
    server.once('exit', () => failed(new Error(`Redis did not start: ${log}`)));
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      process.off('exit', kill);
      kill();
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}

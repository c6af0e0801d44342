import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

/** A server of another make that a test file has started. */
export interface HttpServer {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** Kills it at once. */
  stop(): Promise<void>;
}

interface Launch {
  readonly command: string;
  args(port: number): readonly string[];
  readonly env: Record<string, string>;
  /** A path that answers 200 when the server is ready. */
  readonly ready: string;
}

const READY_WITHIN_MS = 30_000;

/** Starts a server on a free port of 127.0.0.1, and kills it when this process ends. */
export async function startHttpServer(launch: Launch): Promise<HttpServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(launch.command, launch.args(port), {
    env: { PATH: process.env.PATH ?? '', ...launch.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (text: Buffer) => {
    output = `${output}${text}`.slice(-2_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => keep(Buffer.from(String(error))));
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  const isRunning = () => child.pid !== undefined && child.exitCode === null;
  const stop = async () => {
    process.off('exit', kill);
    if (!isRunning() || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    kill();
    await ended;
  };
  const end = performance.now() + READY_WITHIN_MS;
  for (;;) {
    if (await isReady(`${url}${launch.ready}`)) return { url, stop };
    if (!isRunning() || performance.now() > end) {
      await stop();
      throw new Error(`${launch.command} did not start: ${output}`);
    }
    await sleep(30);
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

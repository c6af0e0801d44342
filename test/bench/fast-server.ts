import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { constants, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { cacheFolder } from '../../examples/mongo-server/cache-folder.ts';
import type { MongoServer } from '../../examples/mongo-server/mongo-server.ts';

/** SecantusDB in Rust, which answers several times faster than the one in Python. */
const version = '0.5.3-beta.193';

/**
 * Starts SecantusDB in Rust, built by cargo into the project's cache the first time. `undefined` on
 * machines where cargo is missing or cannot build it.
 */
export async function fastServer(): Promise<MongoServer | undefined> {
  const executable = await built();
  if (executable === undefined) return undefined;
  const storage = await mkdtemp(join(tmpdir(), 'provider-vault-bench-'));
  const options = ['--port', '0', '--storage-path', storage];
  // As durable as the library asks for, and without a log file that is too large for a small disk.
  const durability = ['--sync-on-commit', '--log-file-max', '8MB'];
  const server = spawn(executable, [...options, ...durability, '--log-level', 'WARNING'], {
    cwd: storage,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const dispose = () => {
    server.kill('SIGKILL');
    rmSync(storage, { recursive: true, force: true });
  };
  process.once('exit', dispose);
  for await (const line of createInterface(server.stdout)) {
    const address = /listening on (\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    return {
      uri: `mongodb://${address}/`,
      describe: `SecantusDB ${version} (Rust), which syncs every commit`,
      pid: server.pid,
      stop: async () => {
        // A server that has ended by itself does not emit "exit" again.
        if (server.exitCode === null && server.signalCode === null) {
          const ended = once(server, 'exit');
          server.kill('SIGTERM');
          await ended;
        }
        process.off('exit', dispose);
        dispose();
      },
    };
  }
  throw new Error('SecantusDB ended before it listened');
}

async function built(): Promise<string | undefined> {
  const root = join(await cacheFolder(), `secantus-mdb-${version}`);
  const executable = join(root, 'bin', 'secantusd-rs');
  const failure = `${root}-failed.txt`;
  if (existsSync(executable)) return executable;
  if (existsSync(failure)) return undefined;
  console.error('Building SecantusDB once with cargo; this takes some minutes …');
  try {
    await install(root);
    return executable;
  } catch (error) {
    console.error('cargo could not build SecantusDB; another server is used.');
    await writeFile(failure, `${error}\nDelete this file to try again.\n`);
    return undefined;
  }
}

async function install(root: string): Promise<void> {
  const args = ['install', 'secantus-mdb', '--version', version, '--locked'];
  await new Promise<void>((resolve, reject) => {
    const cargo = execFile(
      'cargo',
      [...args, '--ignore-rust-version', '--quiet', '--root', root],
      (error) => (error ? reject(error) : resolve()),
    );
    if (cargo.pid !== undefined) setPriority(cargo.pid, constants.priority.PRIORITY_LOW);
  });
}

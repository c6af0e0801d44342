import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileSecretStore, Keyring, SecretsVault } from 'provider-vault';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'file-processes-'));
afterAll(() => rmSync(folder, { recursive: true }));
const key = newKey();
const keys = new Keyring({ encryptionKey: key });
const WORKER = 'test/support/workers/file-writer.ts';

let files = 0;
let path = '';
let vault: SecretsVault;
let told: string[] = [];
beforeEach(() => {
  path = join(folder, `${++files}.json`);
  vault = new SecretsVault({ store: new FileSecretStore(path), keys });
  told = [];
});

interface Writer {
  kill(signal: NodeJS.Signals): boolean;
  /** When it has acknowledged something. */
  readonly first: Promise<unknown>;
  readonly closed: Promise<void>;
}

/** A process that writes fields, and what it says in `told`. */
function writer(prefix: string, { count = 'Infinity', shell = '' } = {}): Writer {
  const command = [process.execPath, '--import', 'tsx', WORKER, path, prefix, count, '100'];
  const child = spawn('bash', ['-c', `${shell} exec "$0" "$@"`, ...command], {
    env: { ...process.env, APP_ENCRYPTION_KEY: key },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let line = '';
  child.stdout.on('data', (chunk) => {
    const lines = `${line}${chunk}`.split('\n');
    line = lines.pop() ?? '';
    told.push(...lines);
  });
  const closed = once(child, 'close').then(() => {
    if (line !== '') told.push(line);
  });
  const first = new Promise((resolve) => child.stdout.once('data', resolve));
  return { kill: (signal) => child.kill(signal), first, closed };
}

async function written(): Promise<string[]> {
  return Object.keys((await vault.require('acme', 'custom')).reveal());
}

/** What is beside the file: locks and drafts. */
function remains(): string[] {
  const file = basename(path);
  return readdirSync(folder).filter((name) => name.startsWith(`${file}.`));
}

const lockText = (pid: number, place = 'elsewhere') =>
  JSON.stringify({ place, pid, started: '1', token: '0123456789abcdef' });

function pidNamespace(): string {
  return existsSync('/proc/self/ns/pid') ? readlinkSync('/proc/self/ns/pid') : '';
}

describe('several processes on one file', () => {
  it('lose nothing when they are killed at any moment', async () => {
    for (let round = 0; round < 3; round++) {
      const writers = ['p', 'q', 'r'].map((name) => writer(`${name}${round}_`));
      await Promise.all(writers.map(({ first }) => first));
      for (const child of writers) {
        await sleep(Math.random() * 100);
        child.kill('SIGKILL');
      }
      await Promise.all(writers.map(({ closed }) => closed));
    }
    await vault.put('other', 'custom', { after: 'all' }); // also takes over the lock of the dead
    const found = await written();
    expect(told.length).toBeGreaterThan(8);
    expect(found).toEqual(expect.arrayContaining(told));
    // written and not acknowledged: at most one field of each process
    expect(found.length - told.length).toBeLessThanOrEqual(9);
    expect(remains()).toEqual([]);
  });

  it('are never two at once in the lock of a dead one', async () => {
    await vault.put('acme', 'custom', { first: 'x' });
    const dead = spawn('true');
    await once(dead, 'close');
    const draft = `${path}.0123456789abcdef.tmp`;
    writeFileSync(draft, 'half writ');
    writeFileSync(`${path}.lock`, lockText(dead.pid as number, `${hostname()} ${pidNamespace()}`));
    const writers = ['p', 'q', 'r', 's'].map((name) => writer(name, { count: '15' }));
    await Promise.all(writers.map(({ closed }) => closed));
    expect((await written()).sort()).toEqual([...told, 'first'].sort());
    expect(told).toHaveLength(60);
    expect(remains()).toEqual([]);
  });

  it('wait for a holder that cannot be asked, but not for ever', async () => {
    writeFileSync(`${path}.lock`, lockText(1));
    const started = performance.now();
    await vault.put('acme', 'custom', { f: 'x' });
    expect(performance.now() - started).toBeGreaterThan(9_000);
    writeFileSync(`${path}.lock`, ''); // killed between making and filling it
    setTimeout(() => rmSync(`${path}.lock`), 300);
    await vault.put('acme', 'custom', { f: 'y' });
    expect(remains()).toEqual([]);
  });

  it('lose nothing when the one that holds the lock falls asleep, and wakes up', async () => {
    const sleeper = writer('s');
    await sleeper.first;
    do {
      sleeper.kill('SIGCONT');
      await sleep(5 + Math.random() * 20);
      sleeper.kill('SIGSTOP');
      await sleep(20);
    } while (!existsSync(`${path}.lock`));
    for (let n = 0; n < 5; n++) await vault.patch('acme', 'custom', { [`mine${n}`]: 'x' });
    const before = told.length;
    sleeper.kill('SIGCONT');
    while (told.length < before + 5) await sleep(20);
    sleeper.kill('SIGKILL');
    await sleeper.closed;
    const mine = Array.from({ length: 5 }, (_, n) => `mine${n}`);
    expect(await written()).toEqual(expect.arrayContaining([...told, ...mine]));
  });

  it('keep the old content when the new one does not fit on the disk', async () => {
    const child = writer('f', { shell: 'ulimit -f 8;' }); // 8 KiB
    await child.closed;
    const failure = told.pop();
    expect(failure).toBe('ERR_STORE_FAILED');
    expect(told.length).toBeGreaterThan(10);
    expect(statSync(path).size).toBeLessThanOrEqual(8192);
    expect(await written()).toEqual(told);
    expect(remains()).toEqual([]);
  });
});

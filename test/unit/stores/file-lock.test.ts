import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileSecretStore } from 'provider-vault';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withFileLock } from '../../../src/stores/file/lock.ts';
import { rejection } from '../../support/fixtures.ts';

const root = mkdtempSync(join(tmpdir(), 'file-lock-'));
afterAll(() => rmSync(root, { recursive: true }));
const onLinux = existsSync('/proc/self/stat');
const TOKEN = '0123456789abcdef';

let folder = '';
let path = '';
// A monotonic clock that only `pass` moves.
beforeEach(() => {
  folder = mkdtempSync(join(root, 'test-'));
  path = join(folder, 'x.json');
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => vi.useRealTimers());
const pass = (ms: number) => void vi.advanceTimersByTime(ms);

const files = () => readdirSync(folder).sort();
const readLock = () => readFileSync(`${path}.lock`, 'utf8');
const writeLock = (holder: unknown) =>
  writeFileSync(`${path}.lock`, typeof holder === 'string' ? holder : JSON.stringify(holder));
/** What this process writes into a lock. */
const self = () => withFileLock(path, async () => JSON.parse(readLock()));

/** A call that takes the lock, and whether it has it. */
function taking() {
  const state = { holds: false };
  const done = withFileLock(path, async () => {
    state.holds = true;
  });
  return { state, done };
}

/** The id of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await once(child, 'close');
  return child.pid as number;
}

describe('the lock of a file', () => {
  it('names its holder, and nothing of it stays', async () => {
    await withFileLock(path, async ({ draft, commit }) => {
      const { place, pid, token, started } = JSON.parse(readLock());
      const namespace = onLinux ? readlinkSync('/proc/self/ns/pid') : '';
      expect(place).toBe(`${hostname()} ${namespace}`);
      expect(pid).toBe(process.pid);
      // The 22nd field of the process, after its name in parentheses.
      const stat = onLinux ? readFileSync('/proc/self/stat', 'utf8') : '';
      expect(started).toBe(/\) (?:\S+ ){19}(\d+) /.exec(stat)?.[1]);
      expect(token).toMatch(/^[0-9a-f]{16}$/);
      expect(draft).toBe(`${path}.${token}.tmp`);
      writeFileSync(draft, 'new');
      commit();
    });
    expect(files()).toEqual(['x.json']);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('is given back by a holder that fails, and its draft goes', async () => {
    const failing = withFileLock(path, async ({ draft }) => {
      writeFileSync(draft, 'half');
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
    expect(files()).toEqual([]);
  });

  it('is held by one at a time', async () => {
    let holders = 0;
    const all = Array.from({ length: 20 }, (_, n) =>
      withFileLock(path, async () => {
        expect(++holders).toBe(1);
        await sleep(1);
        holders--;
        return n;
      }),
    );
    expect(await Promise.all(all)).toHaveLength(20);
    expect(files()).toEqual([]);
  });

  it.each([
    ['with its draft', true],
    ['without one', false],
  ])('of a dead process is taken over at once, %s', async (_what, drafted) => {
    writeLock({ ...(await self()), pid: await deadPid(), token: TOKEN });
    if (drafted) writeFileSync(`${path}.${TOKEN}.tmp`, 'half writ');
    await taking().done;
    expect(files()).toEqual([]);
  });

  it.runIf(onLinux)('of a process whose id is another one’s by now, too', async () => {
    writeLock({ ...(await self()), started: '1' });
    await taking().done;
    expect(files()).toEqual([]);
  });

  it.runIf(onLinux)('of a process that is dead, and not reaped yet, too', async () => {
    // A parent that never asks for the end of its child.
    const parent: ChildProcess = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60']);
    try {
      const [line] = await once(parent.stdout as NodeJS.ReadableStream, 'data');
      const pid = Number(String(line));
      const parentName = () => readFileSync(`/proc/${parent.pid}/comm`, 'utf8').trim();
      await vi.waitFor(() => expect(parentName()).toBe('sleep'), 10_000);
      process.kill(pid, 'SIGKILL');
      const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ');
      await vi.waitFor(() => expect(stat()?.[0]).toBe('Z'), 10_000);
      writeLock({ ...(await self()), pid, started: stat()?.[19] });
      await taking().done;
      expect(files()).toEqual([]);
    } finally {
      parent.kill();
    }
  });

  it('of a living process is waited for', async () => {
    writeLock(await self());
    const { state, done } = taking();
    pass(9_000);
    await sleep(60);
    expect(state.holds).toBe(false);
    rmSync(`${path}.lock`);
    await done;
    expect(state.holds).toBe(true);
  });

  it.each<[string, (mine: object, deadPid: number) => unknown]>([
    ['of another machine', (mine, pid) => ({ ...mine, place: 'elsewhere', pid })],
    ['that is not filled yet', () => ''],
    ['that names nobody', () => 'null'],
    ['whose process is no number', (mine, pid) => ({ ...mine, pid: String(pid) })],
  ])('%s is taken over once it has not changed for ten seconds', async (_what, holder) => {
    writeLock(holder(await self(), await deadPid()));
    const { state, done } = taking();
    pass(10_000);
    await sleep(60);
    expect(state.holds).toBe(false);
    pass(1);
    await done;
    expect(files()).toEqual([]);
  });

  it('is given up after half a minute in which others have held it', async () => {
    let n = 0;
    const change = () => writeLock({ place: 'elsewhere', pid: 1, n: ++n });
    change();
    const store = new FileSecretStore(path);
    let waiting = 2;
    const failures = [
      taking().done,
      store.put({ tenantId: 'a', provider: 'custom', data: 'x' }, null),
    ].map((taken) => rejection(taken).finally(() => waiting--));
    while (waiting > 0) {
      change();
      pass(10_000);
      await sleep(20);
    }
    const [own, ofStore] = await Promise.all(failures);
    expect(own).toMatchObject({ code: 'ELOCKED' });
    expect(ofStore).toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
      message: expect.stringContaining('(ELOCKED): another process holds its lock'),
    });
    expect(JSON.parse(readLock())).toMatchObject({ n });
  });

  it('that was lost to another holder lets nothing be written: it begins again', async () => {
    const other = JSON.stringify({ place: 'elsewhere', pid: 1 });
    let attempts = 0;
    const writing = withFileLock(path, async ({ draft, commit }) => {
      attempts++;
      writeFileSync(draft, `by attempt ${attempts}`);
      if (attempts === 1) {
        rmSync(`${path}.lock`);
        writeLock(other);
      }
      commit();
      return attempts;
    });
    await sleep(60);
    expect(attempts).toBe(1);
    expect(readLock()).toBe(other);
    expect(files()).toEqual(['x.json.lock']); // neither the file nor a draft
    rmSync(`${path}.lock`);
    expect(await writing).toBe(2);
    expect(readFileSync(path, 'utf8')).toBe('by attempt 2');
  });

  it('begins again, too, where the one that took over has removed the draft', async () => {
    let attempts = 0;
    await withFileLock(path, async ({ draft, commit }) => {
      attempts++;
      if (attempts > 1) writeFileSync(draft, 'x');
      commit();
    });
    expect(attempts).toBe(2);
    expect(files()).toEqual(['x.json']);
  });

  it('does not hide why its holder failed after it was lost', async () => {
    const failing = withFileLock(path, async () => {
      rmSync(`${path}.lock`);
      throw new Error('failed');
    });
    await expect(failing).rejects.toThrow('failed');
  });

  it('is not had where it cannot be written, or the file cannot be replaced', async () => {
    const missing = withFileLock(join(folder, 'none', 'x.json'), async () => {});
    expect(await rejection(missing)).toMatchObject({ code: 'ENOENT' });
    mkdirSync(`${path}.lock`);
    expect(await rejection(withFileLock(path, async () => {}))).toMatchObject({ code: 'EISDIR' });
    rmSync(`${path}.lock`, { recursive: true });
    mkdirSync(path);
    const replacing = withFileLock(path, async ({ draft, commit }) => {
      writeFileSync(draft, 'x');
      commit();
    });
    expect(await rejection(replacing)).toMatchObject({ code: 'EISDIR' });
    expect(files()).toEqual(['x.json']);
  });

  it.each<[string, unknown]>([
    ['longer', `${TOKEN}0`],
    ['longer at its begin', `x${TOKEN}`],
    ['a list', [TOKEN]],
  ])('whose token is %s removes no file by that name', async (_what, token) => {
    writeLock({ ...(await self()), pid: await deadPid(), token });
    writeFileSync(`${path}.${token}.tmp`, 'of somebody else');
    await taking().done;
    expect(files()).toEqual([`x.json.${token}.tmp`]);
  });
});

it.runIf(onLinux)('a store leaves no file open', async () => {
  vi.useRealTimers();
  const store = new FileSecretStore(path);
  const record = { tenantId: 'a', provider: 'custom', data: 'x' };
  await store.put(record, null);
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let n = 0; n < 5; n++) {
    await store.put({ ...record, data: `${n}` }, '');
    await store.get(record);
    expect(open()).toBeLessThanOrEqual(before + 2); // the process itself may open one
  }
});

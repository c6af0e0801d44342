import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** The code of the error that {@link withFileLock} throws when others hold the lock for too long. @internal */
export const FILE_LOCKED = 'ELOCKED';

// A lock is held for milliseconds. A holder on another machine or in another container cannot be
// checked: a lock that has not changed for this long counts as left behind.
const LEFT_BEHIND_MS = 10_000;
const GIVE_UP_MS = 30_000;
const MAX_PAUSE_MS = 10;

const LOST = Symbol('the lock was taken over');

/** The right to replace a file. @internal */
export interface FileLock {
  /** A path for the new content, used by this holder only. */
  readonly draft: string;
  /** Puts the draft into the place of the file, if the lock is still held. */
  commit(): void;
}

/**
 * Runs `use` while no other process replaces the file at `path`; again, from its start, if the lock
 * was taken over before `use` could commit.
 *
 * The lock is a file that names its holder. The lock of a dead process is taken over at once. Taking
 * over removes the draft of the former holder, who then has nothing to commit: a holder that reads
 * under the lock replaces exactly the content it has read.
 *
 * @internal
 */
export async function withFileLock<T>(
  path: string,
  use: (lock: FileLock) => Promise<T>,
): Promise<T> {
  for (;;) {
    const holder = await acquire(path);
    const draft = draftPath(path, holder) as string;
    const isHeld = () => readIfThere(lockPath(path)) === holder;
    try {
      return await use({
        draft,
        commit: () => {
          // Synchronous: nothing else in this process runs between check and rename.
          if (!isHeld()) throw LOST;
          renameDraft(draft, path);
        },
      });
    } catch (error) {
      if (error !== LOST) throw error;
    } finally {
      rmSync(draft, { force: true });
      if (isHeld()) rmSync(lockPath(path), { force: true });
    }
  }
}

function renameDraft(draft: string, path: string): void {
  try {
    renameSync(draft, path);
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? LOST : error;
  }
}

async function acquire(path: string): Promise<string> {
  const lock = lockPath(path);
  const mine = JSON.stringify({ ...self(), token: randomBytes(8).toString('hex') });
  const begun = performance.now();
  let seen: string | undefined;
  let seenSince = begun;
  for (;;) {
    if (create(lock, mine)) return mine;
    const holder = readIfThere(lock);
    const now = performance.now();
    if (holder !== seen) [seen, seenSince] = [holder, now];
    if (holder !== undefined && (isDead(holder) || now - seenSince > LEFT_BEHIND_MS)) {
      takeOver(path);
    } else if (now - begun > GIVE_UP_MS) {
      throw Object.assign(new Error(), { code: FILE_LOCKED });
    }
    await sleep(Math.random() * MAX_PAUSE_MS);
  }
}

function create(lock: string, holder: string): boolean {
  try {
    writeFileSync(lock, holder, { flag: 'wx', mode: 0o644 });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    // The file was made but not filled, as on a full disk.
    if (readIfThere(lock) === '') rmSync(lock, { force: true });
    throw error;
  }
}

// Of all processes that try, one gets the file. It may get a newer lock than the dead one: then the
// holder of that finds it gone, and begins again.
function takeOver(path: string): void {
  const aside = `${lockPath(path)}.${randomBytes(8).toString('hex')}`;
  try {
    renameSync(lockPath(path), aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  const draft = draftPath(path, readFileSync(aside, 'utf8'));
  if (draft !== undefined) rmSync(draft, { force: true });
  rmSync(aside, { force: true });
}

interface Holder {
  /** The scope of its process id: machine and namespace. */
  readonly place: string;
  readonly pid: number;
  /** When it started, where the system tells; process ids are reused. */
  readonly started?: string | undefined;
}

function self(): Holder {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // not Linux
  }
  return {
    place: `${hostname()} ${namespace}`,
    pid: process.pid,
    started: processStart(process.pid),
  };
}

function isDead(holder: string): boolean {
  const { place, pid, started } = parse(holder);
  if (place !== self().place || typeof pid !== 'number') return false;
  try {
    process.kill(pid, 0); // sends nothing
  } catch (error) {
    return errnoOf(error) === 'ESRCH';
  }
  const actual = processStart(pid);
  return actual !== undefined && actual !== started;
}

/** When a process started, in the system's ticks; `zombie` for a dead one that is not reaped yet. */
function processStart(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // After the name, which may hold anything: state, 18 numbers, start; see proc_pid_stat(5).
  const fields = stat?.slice(stat.lastIndexOf(') ') + 2).split(' ');
  return fields?.[0] === 'Z' ? 'zombie' : fields?.[19];
}

function lockPath(path: string): string {
  return `${path}.lock`;
}

function draftPath(path: string, holder: string): string | undefined {
  const { token } = parse(holder);
  return typeof token === 'string' && /^[0-9a-f]{16}$/.test(token)
    ? `${path}.${token}.tmp`
    : undefined;
}

function parse(holder: string): Partial<Record<keyof Holder | 'token', unknown>> {
  try {
    return JSON.parse(holder) ?? {};
  } catch {
    return {}; // made a moment ago, and not filled yet
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The code of a system error. @internal */
export function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

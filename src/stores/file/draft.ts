import type { BigIntStats } from 'node:fs';
import { open, stat } from 'node:fs/promises';

const OWNER_ONLY = 0o600;

/**
 * Writes the new content of the file at `path` beside it, completely and to the disk, with the same
 * owner: a command run by root must not take the file from the service that uses it.
 *
 * @returns the state of the file, which a rename keeps but for its change time
 * @internal
 */
export async function writeDraft(draft: string, text: string, path: string): Promise<BigIntStats> {
  const replaced = await stat(path).catch(() => undefined);
  const file = await open(draft, 'wx', OWNER_ONLY);
  try {
    // writeFile goes on after a partial write, as on a disk that is nearly full.
    await file.writeFile(text);
    if (replaced !== undefined && replaced.uid !== (await file.stat()).uid) {
      await file.chown(replaced.uid, replaced.gid);
    }
    await file.sync();
    return await file.stat({ bigint: true });
  } finally {
    await file.close();
  }
}

/**
 * Writes the entries of a folder to the disk: otherwise a power failure may undo a rename.
 *
 * @internal
 */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // cannot open a folder
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

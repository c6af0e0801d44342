import { open, stat } from 'node:fs/promises';

const OWNER_ONLY = 0o600;

/**
 * Writes the new content of the file at `path` beside it, whole and on the disk, and of the same
 * owner: a command that root runs must not take the file from the service that uses it.
 *
 * @internal
 */
export async function writeDraft(draft: string, text: string, path: string): Promise<void> {
  const replaced = await stat(path).catch(() => undefined);
  const file = await open(draft, 'wx', OWNER_ONLY);
  try {
    // writeFile goes on after a write that took only a part, as on a disk that is nearly full.
    await file.writeFile(text);
    if (replaced !== undefined && replaced.uid !== (await file.stat()).uid) {
      await file.chown(replaced.uid, replaced.gid);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Puts on the disk which files a folder has: without it, a rename may be undone by a power failure.
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

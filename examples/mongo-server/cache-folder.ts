import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../node_modules/.cache/provider-vault', import.meta.url));

/** The folder for what the tests fetch once per machine; `npm ci` empties it. */
export async function cacheFolder(): Promise<string> {
  await mkdir(folder, { recursive: true });
  return folder;
}

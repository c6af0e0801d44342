import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { cacheFolder } from './cache-folder.ts';

/**
 * Bundles a worker with our sources into one JavaScript file, for tests that start it dozens of
 * times: compiling takes most of a start.
 *
 * @returns its path
 */
export async function bundleWorker(name: string): Promise<string> {
  const outDir = await mkdtemp(join(await cacheFolder(), 'worker-'));
  await build({
    config: false,
    silent: true,
    entry: { [name]: fileURLToPath(new URL(`./workers/${name}.ts`, import.meta.url)) },
    outDir,
    format: 'esm',
    outExtension: () => ({ js: '.mjs' }),
    target: 'node20',
    external: ['mongodb', 'pg', 'twilio', '@sendgrid/mail', 'oauth4webapi', 'nodemailer'],
    noExternal: ['provider-vault', 'lru-cache'],
    splitting: false,
  });
  return join(outDir, `${name}.mjs`);
}

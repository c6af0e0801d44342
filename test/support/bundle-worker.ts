import { mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { cacheFolder } from '../../examples/mongo-server/cache-folder.ts';

/**
 * Bundles a worker with our sources into one JavaScript file, for tests that start it dozens of
 * times: compiling takes most of a start.
 *
 * @param worker - the name of one in `workers`, or the path of a file of the project
 * @returns its path
 */
export async function bundleWorker(worker: string): Promise<string> {
  const name = basename(worker, '.ts');
  const path = worker === name ? `./workers/${name}.ts` : `../../${worker}`;
  const outDir = await mkdtemp(join(await cacheFolder(), 'worker-'));
  await build({
    config: false,
    silent: true,
    entry: { [name]: fileURLToPath(new URL(path, import.meta.url)) },
    outDir,
    format: 'esm',
    outExtension: () => ({ js: '.mjs' }),
    target: 'node20',
    external: ['bullmq', 'mongodb', 'pg', 'twilio', '@sendgrid/mail', 'oauth4webapi', 'nodemailer'],
    noExternal: ['provider-vault', 'lru-cache'],
    splitting: false,
  });
  return join(outDir, `${name}.mjs`);
}

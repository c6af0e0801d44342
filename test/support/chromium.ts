import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import {
  type BrowserContext,
  type BrowserContextOptions,
  type Browser as Chromium,
  chromium,
} from 'playwright-core';

const run = promisify(execFile);
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * The Chromium of this machine: CHROMIUM_PATH, else one on the PATH, else Debian's, which root
 * installs here. Without one it throws: end-to-end tests without a browser are no success.
 */
export async function findChromium(): Promise<string> {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (!isExecutable(named)) throw new Error(`CHROMIUM_PATH names no executable: ${named}`);
    return named;
  }
  const found = onPath() ?? ((await install()) ? onPath() : undefined);
  if (found !== undefined) return found;
  throw new Error(
    'No Chromium for the end-to-end tests. Install one (Debian: apt-get install chromium) or name it in CHROMIUM_PATH.',
  );
}

function onPath(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const paths = NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function install(): Promise<boolean> {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false;
  console.log('No Chromium on the PATH: installing the package "chromium", which takes a while.');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update', '-q'], { env, maxBuffer: 1e8 });
    const options = ['install', '-q', '-y', '--no-install-recommends', 'chromium'];
    await run('apt-get', options, { env, maxBuffer: 1e8 });
    return true;
  } catch (error) {
    console.log(`apt-get failed: ${String((error as { stderr?: string }).stderr).trim()}`);
    return false;
  }
}

const FLAGS = [
  '--no-sandbox', // tests run as root in containers, where the sandbox cannot start
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Browser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** A browser that has never been anywhere. */
export async function openBrowser(options: BrowserContextOptions = {}): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'provider-vault-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: await findChromium(),
    args: FLAGS,
    ...options,
  });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** One browser for many visitors: each context of it has never been anywhere. */
export async function launchBrowser(): Promise<Chromium> {
  return chromium.launch({ executablePath: await findChromium(), args: FLAGS });
}

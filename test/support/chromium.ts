import { type Browser, chromium } from 'playwright-core';
import { findProgram, installed, isExecutable } from './programs.ts';

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
  const found =
    findProgram(NAMES) ?? ((await installed('chromium')) ? findProgram(NAMES) : undefined);
  if (found !== undefined) return found;
  throw new Error(
    'No Chromium for the end-to-end tests. Install one (Debian: apt-get install chromium) or name it in CHROMIUM_PATH.',
  );
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

/** For every visitor: a color that is still changing is no color to judge. */
export const CALM = { reducedMotion: 'reduce' } as const;

/** One browser for many visitors: each context of it has never been anywhere. */
export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: await findChromium(), args: FLAGS });
}

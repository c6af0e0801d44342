import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Peer } from './peers/peers.mjs';

const folder = fileURLToPath(new URL('./peers/', import.meta.url));

/** The libraries of peers/package.json, installed beside it the first time. */
export async function loadPeers(): Promise<readonly Peer[]> {
  // npm writes this file last.
  if (!existsSync(`${folder}node_modules/.package-lock.json`)) {
    console.error('Installing the libraries to compare with …');
    const options = [
      '--no-package-lock',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--silent',
    ];
    execFileSync('npm', ['install', ...options], { cwd: folder, stdio: 'inherit' });
  }
  const { peers } = await import('./peers/peers.mjs');
  return peers;
}

// Packs what is built here, and the same commit again: cloned to another path, built at another time, in
// another time zone, for another user. The two files are the same, byte by byte, so that anybody can
// tell that what npm has is what this commit gives.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'reproducible-'));

function run(cwd: string, command: string, ...args: string[]): string {
  const env = { ...process.env, TZ: 'Pacific/Kiritimati', LC_ALL: 'C' };
  return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
}

function pack(from: string, name: string): { file: string; sha512: string } {
  const to = join(folder, name);
  mkdirSync(to);
  run(from, 'npm', 'pack', '--silent', '--pack-destination', to);
  const [tarball = ''] = readdirSync(to);
  const file = join(to, tarball);
  return { file, sha512: createHash('sha512').update(readFileSync(file)).digest('base64') };
}

try {
  assert.equal(run('.', 'git', 'status', '--porcelain'), '', 'Commit first: a commit is compared.');
  const here = pack('.', 'here');

  process.umask(0o077);
  const copy = join(folder, 'a', 'longer', 'path', 'than', 'before');
  run('.', 'git', 'clone', '--quiet', '.', copy);
  run(copy, 'npm', 'ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund');
  run(copy, 'npm', 'run', 'build');
  const again = pack(copy, 'again');

  if (again.sha512 !== here.sha512) {
    for (const { file } of [here, again]) {
      const unpacked = `${file}.d`;
      mkdirSync(unpacked);
      run('.', 'tar', '-xzf', file, '-C', unpacked);
      writeFileSync(join(unpacked, 'listing'), run('.', 'tar', '-tvzf', file)); // modes, times, order
    }
    spawnSync('diff', ['-r', `${here.file}.d`, `${again.file}.d`], { stdio: 'inherit' });
  }
  assert.equal(again.sha512, here.sha512, 'The build of the same commit gives another package.');
  console.log(`packed twice, the same: sha512-${here.sha512}`);
} finally {
  rmSync(folder, { recursive: true });
}

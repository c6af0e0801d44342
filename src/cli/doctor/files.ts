import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import type { Environment } from 'provider-vault';
import { type Check, fail, pass, warn } from './check.ts';

const OTHERS_MASK = 0o077;

/**
 * Whether only their owner can read the files that hold keys or records. Windows has no such modes.
 *
 * @param files - what each file is → its path
 */
export async function checkPermissions(
  files: Readonly<Record<string, string | undefined>>,
): Promise<Check[]> {
  if (process.platform === 'win32') return [];
  const checks: Check[] = [];
  for (const [what, path] of Object.entries(files)) {
    const mode = path && (await stat(path).catch(() => undefined))?.mode;
    if (!path || mode === undefined || mode === '') continue;
    const name = `permissions of the ${what}`;
    const shown = (mode & 0o777).toString(8).padStart(4, '0');
    checks.push(
      mode & OTHERS_MASK
        ? warn(
            name,
            `${path} has mode ${shown}: other users have access to it`,
            `chmod 600 ${path}`,
          )
        : pass(name, `${path} has mode ${shown}`),
    );
  }
  return checks;
}

/** The key files that the environment names. */
export function keyFiles(env: Environment): Record<string, string | undefined> {
  return {
    'key file': env.APP_ENCRYPTION_KEY_FILE,
    'decryption key file': env.APP_DECRYPTION_KEYS_FILE,
  };
}

const HOLDS_A_KEY = /^\s*(export\s+)?APP_(ENCRYPTION_KEY|DECRYPTION_KEYS)\s*=\s*\S/m;

/**
 * Whether git ignores the `.env` files of a folder.
 *
 * @param always - check `.env` even if it does not exist yet
 */
export async function checkEnvFiles(folder: string, always: boolean): Promise<Check[]> {
  const names = await readdir(folder);
  const files = names.filter(
    (name) => /^\.env(\..+)?$/.test(name) && !/\.(example|sample|template|dist)$/.test(name),
  );
  if (always && !files.includes('.env')) files.push('.env');
  return Promise.all(
    files.sort().map(async (file) => {
      const text = await readFile(`${folder}/${file}`, 'utf8').catch(() => '');
      return checkEnvFile(file, await gitIgnores(folder, file), HOLDS_A_KEY.test(text));
    }),
  );
}

type Ignored = 'ignored' | 'not ignored' | 'no repository' | 'no git';

function checkEnvFile(file: string, ignored: Ignored, holdsKey: boolean): Check {
  const name = `${file} and git`;
  if (ignored === 'ignored') return pass(name, `git ignores ${file}`);
  if (ignored === 'no repository') return pass(name, 'this folder is in no git repository');
  if (ignored === 'no git') {
    const todo = `Run \`git check-ignore ${file}\` where git is installed.`;
    return warn(name, `unknown, because git could not be run`, todo);
  }
  const todo = `Add ${file} to .gitignore, and run \`git rm --cached ${file}\` if it was committed.`;
  return holdsKey
    ? fail(
        name,
        `${file} holds a key, and git does not ignore it`,
        `${todo} A key that was committed has leaked: rotate it.`,
      )
    : warn(name, `git does not ignore ${file}`, todo);
}

// Exit codes of git check-ignore: 0 ignored, 1 not ignored or tracked, 128 no repository.
function gitIgnores(folder: string, file: string): Promise<Ignored> {
  return new Promise((resolve) => {
    execFile('git', ['check-ignore', '--quiet', '--', file], { cwd: folder }, (error) => {
      if (error === null) resolve('ignored');
      else if (error.code === 1) resolve('not ignored');
      else if (error.code === 128) resolve('no repository');
      else resolve('no git');
    });
  });
}

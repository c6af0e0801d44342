import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { VaultError } from 'provider-vault';
import { count } from '../output.ts';
import { type Check, fail, pass, warn } from './check.ts';
import { additions, git } from './git.ts';

/** A place in the code that holds a secret. It never holds the secret. */
interface Finding {
  readonly place: string;
  /** The kind of secret, such as `SENDGRID_KEY`. */
  readonly kind: string;
}

type Scan = (text: string, name: string) => Promise<{ line: number; kind: string }[]>;

const SHOWN = 10;
const MAX_FILE_BYTES = 1024 * 1024;
const RUNBOOK = 'docs/runbooks/secret-in-git-history.md';

/** Whether the code in `folder`, and its git history, hold secrets. */
export async function checkCode(folder: string): Promise<Check[]> {
  const scan = await loadScanner(folder);
  return [await checkFiles(folder, scan), await checkHistory(folder, scan)];
}

async function checkFiles(folder: string, scan: Scan): Promise<Check> {
  const files = await sourceFiles(folder);
  const findings: Finding[] = [];
  for (const file of files) {
    const bytes = await readFile(join(folder, file)).catch(() => undefined); // deleted meanwhile
    if (bytes === undefined || bytes.length > MAX_FILE_BYTES || bytes.includes(0)) continue;
    for (const { line, kind } of await scan(bytes.toString(), file)) {
      findings.push({ place: `${file}:${line}`, kind });
    }
  }
  const name = 'secrets in the code';
  if (findings.length === 0) return pass(name, `none in ${count(files.length, 'file')}`);
  const todo =
    'Replace each at its provider, and keep the new one in the vault: `provider-vault set`.';
  return fail(name, listed(findings), todo, { findings });
}

async function checkHistory(folder: string, scan: Scan): Promise<Check> {
  const name = 'secrets in the git history';
  const shallow = await git(folder, ['rev-parse', '--is-shallow-repository']);
  if (shallow === undefined) {
    return warn(
      name,
      `${folder} is in no git repository, or git is not installed`,
      'Name a folder of your repository, where git is installed.',
    );
  }
  const found = new Map<string, Finding>();
  let commits = 0;
  for await (const { commit, lines } of additions(folder)) {
    commits += 1;
    const text = lines.map((line) => line.text).join('\n');
    for (const { line, kind } of await scan(text, commit)) {
      const place = `${lines[line - 1]?.file} in ${commit}`;
      found.set(`${place} ${kind}`, { place, kind });
    }
  }
  const findings = [...found.values()];
  if (findings.length > 0) {
    const todo = `Whoever has a copy of the repository has them: replace them first, then rewrite the history. ${RUNBOOK} says how.`;
    return fail(name, listed(findings), todo, { findings });
  }
  if (shallow.trim() === 'true') {
    return warn(
      name,
      `none in ${count(commits, 'commit')}, and the older ones are not here`,
      'Run it in a full clone: `git fetch --unshallow`.',
    );
  }
  return pass(name, `none in ${count(commits, 'commit')}`);
}

function listed(findings: readonly Finding[]): string {
  const shown = findings.slice(0, SHOWN).map(({ place, kind }) => `${place} (${kind})`);
  const more = findings.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The files that git tracks or would track; without git, all but those of packages. */
async function sourceFiles(folder: string): Promise<string[]> {
  const tracked = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const listed = await git(folder, tracked);
  if (listed !== undefined) return [...new Set(listed.split('\0').filter(Boolean))];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|\.git)\//.test(file));
}

// Rules that secretlint lacks: for Twilio's secrets, which only their context gives away, and for
// the keys of this library.
const NAMED =
  /(auth_?token|api_?secret|twilio\w*(token|secret))["']?\s*[:=]\s*["'`]?([0-9A-Za-z]{32})\b/i;
const POSITIONAL = /\bAC[0-9a-f]{32}["'`]\s*,\s*["'`]([0-9a-f]{32})["'`]/;
const VAULT_KEY = /APP_(?:EN|DE)CRYPTION_KEYS?["']?\s*[:=]\s*["'`]?([A-Za-z0-9+/]{43}=)/;

function ownFindings(text: string) {
  return text.split('\n').flatMap((content, at) => {
    if (content.includes('secretlint-disable-line')) return [];
    const twilio = NAMED.exec(content)?.[3] ?? POSITIONAL.exec(content)?.[1];
    const key = VAULT_KEY.exec(content)?.[1];
    return [
      ...(isRandom(twilio) ? [{ line: at + 1, kind: 'TWILIO_SECRET' }] : []),
      ...(isRandom(key) ? [{ line: at + 1, kind: 'APP_ENCRYPTION_KEY' }] : []),
    ];
  });
}

/** Not a placeholder such as `xxxxxxxx`. */
function isRandom(text: string | undefined): boolean {
  return new Set(text).size >= 8;
}

interface SecretlintFile {
  readonly messages: readonly {
    readonly messageId: string;
    readonly loc: { readonly start: { readonly line: number } };
  }[];
}

async function loadScanner(cwd: string): Promise<Scan> {
  const { runSecretLint } = await import('secretlint').catch(missingScanner);
  const rules = [{ id: '@secretlint/secretlint-rule-preset-recommend' }];
  const engineOptions = { cwd, formatter: 'json', color: false, configFileJSON: { rules } };
  const scan: Scan = async (text, name) => {
    const cliOptions = { cwd, stdinContent: text, stdinFileName: name };
    const { stdout } = await runSecretLint({ cliOptions, engineOptions });
    const [file] = JSON.parse(stdout ?? '[]') as SecretlintFile[];
    const found = (file?.messages ?? []).map(({ messageId, loc }) => ({
      line: loc.start.line,
      kind: messageId,
    }));
    return [...found, ...ownFindings(text)];
  };
  await scan('', 'empty.txt').catch(missingScanner); // its rules are a package of their own
  return scan;
}

function missingScanner(): never {
  throw new VaultError(
    'ERR_PEER_MISSING',
    '--code needs secretlint: npm install secretlint @secretlint/secretlint-rule-preset-recommend',
  );
}

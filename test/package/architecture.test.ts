import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const MAX_LINES = 250;

// docs/architecture.md, as a table: what a folder may import of ours, beside itself and what
// everybody may.
const EVERYBODY = ['errors.ts', 'record'];
const MAY_IMPORT: Record<string, readonly string[]> = {
  'errors.ts': [],
  record: ['errors.ts'],
  crypto: ['keys'],
  keys: [],
  providers: ['keys'],
  stores: [],
  cache: [],
  audit: ['stores'],
  settings: ['providers', 'stores', 'audit', 'cache'],
  vault: ['crypto', 'keys', 'providers', 'stores', 'audit', 'cache', 'settings'],
  clients: ['vault', 'keys', 'providers', 'audit', 'cache'],
  operations: ['vault', 'settings', 'stores', 'providers'],
  testing: ['stores'],
  cli: ['clients'], // its loadPeer; all else by the public name
};
// What has one place only.
const ONE_PLACE: readonly (readonly [RegExp, RegExp])[] = [
  [/createCipheriv|createDecipheriv/, /^crypto\/aes-gcm\.ts$/],
  [
    /process\.env/,
    /^(keys\/keyring|providers\/environment|clients\/define-client-factory|clients\/twilio)\.ts$|^cli\//,
  ],
  [/\bconsole\./, /^cli\//],
  [/node:fs/, /^(keys\/keyring|stores\/file-.*)\.ts$|^cli\//],
];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const isEntryPoint = (file: string) => !file.includes('/') && file !== 'errors.ts';
const folderOf = (file: string) => file.split('/')[0] as string;
const textOf = (file: string) => readFileSync(join('src', file), 'utf8');

describe.each(files)('%s', (file) => {
  const text = textOf(file);

  it('is short enough to be read in one go', () => {
    expect(text.split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  });

  it('imports only what its folder may', () => {
    if (isEntryPoint(file)) return;
    const own = folderOf(file);
    const allowed = new Set([
      own,
      ...(MAY_IMPORT[own] ?? []),
      ...(own === 'record' ? [] : EVERYBODY),
    ]);
    for (const [, path = ''] of text.matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g)) {
      const target = folderOf(relative('src', join('src', dirname(file), path)));
      expect(allowed, `${file} imports ${path}`).toContain(target);
    }
  });

  it('leaves to its place what has one', () => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    for (const [pattern, place] of ONE_PLACE) {
      if (!place.test(file)) expect(code).not.toMatch(pattern);
    }
  });
});

it('knows every folder', () => {
  const folders = new Set(files.filter((file) => !isEntryPoint(file)).map(folderOf));
  expect([...folders].filter((folder) => !(folder in MAY_IMPORT))).toEqual([]);
});

it('documents every error code, and no other', () => {
  const documented = readFileSync('docs/reference/errors.md', 'utf8').match(/^\| `(ERR_\w+)`/gm);
  const codes = textOf('errors.ts').match(/^ {2}'(ERR_\w+)'/gm);
  const names = (lines: readonly string[] | null) =>
    lines?.map((line) => /ERR_\w+/.exec(line)?.[0]);
  expect(names(documented)).toEqual(names(codes));
});

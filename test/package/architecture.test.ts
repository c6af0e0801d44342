import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

// docs/architecture.md, as a table: what a folder may import of ours, beside itself and what
// everybody may.
const EVERYBODY = ['errors.ts', 'names.ts', 'record.ts'];
const MAY_IMPORT: Record<string, readonly string[]> = {
  'errors.ts': [],
  'names.ts': [],
  'record.ts': [],
  crypto: ['keys'],
  keys: [],
  kms: ['crypto', 'keys', 'clients'], // of clients/: peerError
  providers: ['keys'],
  stores: [],
  audit: [],
  core: ['crypto', 'keys', 'providers', 'stores', 'audit'],
  'tenant-keys': ['keys', 'stores', 'core', 'maintenance'],
  migration: [
    'core',
    'providers',
    'stores',
    'audit',
    'vault',
    'tenant-keys',
    'maintenance',
    'mongo',
  ],
  maintenance: ['core', 'keys', 'providers', 'stores', 'audit', 'vault', 'tenant-keys'],
  vault: ['core', 'keys', 'providers', 'stores', 'audit', 'migration', 'lifecycle'],
  lifecycle: ['core', 'providers', 'stores', 'audit', 'vault', 'maintenance'],
  mongo: ['stores', 'audit', 'migration'],
  postgres: ['stores'],
  clients: ['core', 'keys', 'providers', 'audit', 'vault', 'lifecycle'],
  twilio: ['clients', 'core', 'audit', 'providers', 'vault'],
  sendgrid: ['clients', 'core', 'providers', 'vault'],
  connections: [
    ...['clients', 'core', 'providers', 'audit', 'vault', 'twilio', 'sendgrid'],
    ...['lifecycle', 'maintenance'],
  ],
  oauth: ['clients', 'core', 'providers', 'vault'],
  mail: ['clients', 'core', 'providers', 'oauth', 'vault'],
  otel: ['core', 'tenant-keys', 'vault'],
  settings: ['connections', 'core', 'providers', 'audit', 'vault'],
  testing: ['stores'],
  cli: ['clients'], // its peerError; everything else by the public name
};
// What may stand in one place only.
const ONE_PLACE: readonly (readonly [RegExp, RegExp])[] = [
  [/createCipheriv|createDecipheriv/, /^crypto\/aes-gcm\.ts$/],
  [/\.metadata\b/, /^(record|core\/write)\.ts$|^(mongo|postgres|testing|maintenance)\//],
  [/process\.env/, /^(keys\/keyring|providers\/environment)\.ts$|^(clients|cli)\//],
  [/\bconsole\./, /^cli\//],
  [/node:fs/, /^keys\/keyring\.ts$|^(stores|cli)\//],
];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const textOf = (file: string) => readFileSync(join('src', file), 'utf8');
const room = (file: string) => file.split('/')[0] as string;

/** The files that `file` imports, types and `import()` included. */
function importsOf(file: string): string[] {
  const paths = textOf(file).matchAll(/(?:from|import\()\s*'(\.[^']+\.ts)'/g);
  return [...paths].map(([, path = '']) => relative('src', join('src', dirname(file), path)));
}
const imports = new Map(files.map((file) => [file, importsOf(file)]));

/** A way that leads from `file` back to it. */
function circle(file: string, way: readonly string[], visited: Set<string>): string[] | undefined {
  for (const next of imports.get(file) ?? []) {
    if (way.includes(next)) return [...way.slice(way.indexOf(next)), next];
    if (visited.has(next)) continue;
    visited.add(next);
    const found = circle(next, [...way, next], visited);
    if (found !== undefined) return found;
  }
  return undefined;
}

it('has no circle of imports, types included', () => {
  for (const file of files) expect(circle(file, [file], new Set([file])), file).toBeUndefined();
});

describe.each(files)('%s', (file) => {
  it('imports only what its folder may', () => {
    const own = room(file);
    if (own === 'index.ts') return; // the root entry
    const allowed = [own, ...(MAY_IMPORT[own] ?? []), ...EVERYBODY];
    for (const target of imports.get(file) ?? []) {
      expect(allowed, `${file} imports ${target}`).toContain(room(target));
    }
  });

  it('leaves to its place what has one', () => {
    const code = textOf(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    for (const [pattern, place] of ONE_PLACE) {
      if (!place.test(file)) expect(code).not.toMatch(pattern);
    }
  });
});

it('knows every folder', () => {
  const rooms = new Set(files.map(room));
  expect([...rooms].filter((name) => name !== 'index.ts' && !(name in MAY_IMPORT))).toEqual([]);
});

it('documents every error code, and no other', () => {
  const documented = readFileSync('docs/reference/errors.md', 'utf8').match(/^\| `(ERR_\w+)`/gm);
  const codes = textOf('errors.ts').match(/^ {2}'(ERR_\w+)'/gm);
  const names = (lines: readonly string[] | null) =>
    lines?.map((line) => /ERR_\w+/.exec(line)?.[0]);
  expect(names(documented)).toEqual(names(codes));
});

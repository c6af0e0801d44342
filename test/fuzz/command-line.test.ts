import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { FileSecretStore, Keyring, SecretsVault } from 'provider-vault';
import { afterAll, expect, it, vi } from 'vitest';
import { createProgram, runCommandLine } from '../../src/cli/program.ts';
import { newKey } from '../support/fixtures.ts';
import { inputs } from '../support/fuzz.ts';
import { outcome } from '../support/outcome.ts';

const folder = await mkdtemp(join(tmpdir(), 'provider-vault-fuzz-'));
afterAll(() => rm(folder, { recursive: true }));
const key = newKey();
const store = `file:${join(folder, 'records.json')}`;
const SECRET = 'MARKED-secret-of-acme';

it('any arguments lead to an exit code and a line, and never to a secret that was not asked for', async () => {
  await new SecretsVault({
    store: new FileSecretStore(join(folder, 'records.json')),
    keys: Keyring.fromEnv({ APP_ENCRYPTION_KEY: key }),
  }).put('acme', 'custom', { secret: SECRET });
  for (const [name, value] of Object.entries({
    APP_ENCRYPTION_KEY: key,
    PROVIDER_VAULT_STORE: store,
  })) {
    vi.stubEnv(name, value);
  }
  const printed: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
  }
  const word = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'acme',
        'custom',
        'twilio',
        '--json',
        '--dry-run',
        '--help',
        '-h',
        '--',
        '-',
      ),
    },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        '--limit',
        '--batch-size',
        '--after',
        '--part',
        '--collection',
        '--key-store',
        '--tenant',
        '--concurrency',
        '--fields',
        '--to',
        '--settings',
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '1',
        '-1',
        '1e9',
        '0/3',
        'file:/nowhere',
        '',
        '__proto__',
        '--json=1',
      ),
    },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  );
  // But for the one that reads what it sets from standard input, which does not end here.
  const names = createProgram(() => {}).commands.map((command) => command.name());
  const command = fc.oneof(
    fc.constantFrom(...names.filter((name) => name !== 'set'), 'help'),
    fc.string({ maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(command, fc.array(word, { maxLength: 5 }), async (name, words) => {
      printed.length = 0;
      const exit = await outcome([], () => runCommandLine([name, ...words]));
      expect('value' in exit && [0, 1, 2, 3].includes(exit.value)).toBe(true);
      const text = printed.join('');
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain(key);
      if ('value' in exit && exit.value === 2) expect(text.trim()).not.toBe('');
      expect(text).not.toMatch(/^\s+at .*:\d+:\d+/m); // a stack is no message
    }),
    inputs(150),
  );
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

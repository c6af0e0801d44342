import { Keyring } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { newKey } from '../support/fixtures.ts';
import { runCli } from '../support/run-cli.ts';

const keys = ['--kms', '--previous-kms', '--key-store', '--key-collection', '--seal'];
const store = ['--store', '--database', '--collection', ...keys];
// With a password; put together here, because a secret scan reads this file.
const unreachable = `mongodb://u:${'pl4nted'}@127.0.0.1:9/crm?serverSelectionTimeoutMS=200`;
const longRun = [
  '--batch-size',
  '--concurrency',
  '--max-per-second',
  '--part',
  '--range',
  '--after',
  '--expect-records',
  '--problems-file',
];
const audited = ['--actor', '--audit-collection'];
const commands: Record<string, readonly string[]> = {
  keygen: [],
  keyid: [],
  init: [...store, '--audit-collection'],
  status: store,
  set: [...store, ...audited, '--new-key'],
  get: [...store, ...audited, '--reveal'],
  delete: [...store, ...audited, '--yes'],
  migrate: [
    ...store,
    ...longRun,
    ...audited,
    '--settings',
    '--secrets',
    '--erase',
    '--dry-run',
    '--tenant',
    '--mapping',
  ],
  rotate: [...store, ...longRun, ...audited, '--dry-run'],
  rewrap: [...store, ...longRun, '--dry-run'],
  'erase-tenant': [...store, ...audited, '--erase-audit', '--yes'],
  verify: [...store, ...longRun],
  copy: [
    ...store,
    ...longRun,
    '--to',
    '--to-database',
    '--to-collection',
    '--delete-missing',
    '--dry-run',
  ],
  split: store,
  doctor: [...store, '--settings', '--code'],
};

describe('help', () => {
  it('names every command, the environment and the exit codes', async () => {
    const { code, stdout } = await runCli(['--help']);
    expect(code).toBe(0);
    for (const name of Object.keys(commands))
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout).toContain('APP_ENCRYPTION_KEY');
    expect(stdout).toContain('3 work remains');
  });

  it.each(Object.entries(commands))(
    'of %s names its options, and no other',
    async (name, options) => {
      const { code, stdout } = await runCli([name, '--help']);
      expect(code).toBe(0);
      const [own = '', global = ''] = stdout.split('Global Options:');
      const named = [...own.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, option]) => option);
      expect(named.sort()).toEqual([...options, '--help'].sort());
      expect(global).toContain('--json');
    },
  );

  it('--version is the package version', async () => {
    const { stdout } = await runCli(['--version']);
    expect(stdout).toBe(`${packageJson.version}\n`);
  });
});

describe('a wrong command line', () => {
  it.each([
    [['no-such-command'], /unknown command/],
    [['get', 'acme'], /missing required argument 'provider'/],
    [['verify', '--batch-size', '0'], /positive integer/],
    [['verify', '--no-such-option'], /unknown option '--no-such-option'/],
    [['verify', '--part', '0/3'], /option '--part <i\/n>' is invalid/],
    [['verify', '--part', '4/3'], /is invalid/],
    [[], /Usage: provider-vault/],
  ])('%j: exit code 2, said on stderr', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
  });

  it('is one JSON document with --json', async () => {
    const { code, stdout, stderr } = await runCli(['get', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'ERR_USAGE', message: "missing required argument 'tenant'" },
    });
    expect(stderr).toBe('');
  });

  it('does not repeat a secret that was put into an option or an argument', async () => {
    const env = { APP_ENCRYPTION_KEY: newKey(), PROVIDER_VAULT_STORE: 'file:none.json' };
    const planted = 'pl4nted-in-argv';
    for (const args of [
      ['set', 'acme', 'twilio', `--auth-token=${planted}`],
      ['set', 'acme', 'twilio', 'authToken', planted],
      ['set', 'acme', 'twilio', 'authToken', planted, '--json'],
      ['set', 'acme', 'twilio', `-p${planted}`],
      ['set', 'acme', 'twilio', `-p${planted}`, '--json'],
      ['set', 'acme', 'twilio', `--auth-token='a'${planted}`],
      ['verify', '--batch-size', planted],
      ['verify', '--part', planted, '--json'],
      [`${planted} ${planted}`],
    ]) {
      const { code, stdout, stderr } = await runCli(args, { env });
      expect(code).toBe(2);
      expect(stdout + stderr).not.toContain(planted);
    }
  });

  it('says so when no command is given', async () => {
    const { code, stdout } = await runCli(['--json']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'ERR_USAGE', message: 'No command is given.' },
    });
  });
});

describe('keygen', () => {
  it('prints a key alone on stdout, and its id on stderr', async () => {
    const { code, stdout, stderr } = await runCli(['keygen']);
    expect(code).toBe(0);
    expect(Buffer.from(stdout.trimEnd(), 'base64')).toHaveLength(32);
    expect(stderr).toMatch(/^Key [0-9a-f]{8}\./);
  });

  it('--json, before or after the command', async () => {
    for (const args of [
      ['keygen', '--json'],
      ['--json', 'keygen'],
    ]) {
      const { stdout } = await runCli(args);
      const { key, keyId } = JSON.parse(stdout);
      expect(Buffer.from(key, 'base64')).toHaveLength(32);
      expect(keyId).toMatch(/^[0-9a-f]{8}$/);
    }
  });
});

describe('keyid', () => {
  it('prints the ids of the configured keys, the one that seals first', async () => {
    const [key, old] = [newKey(), newKey()];
    const { keyIds } = new Keyring({ encryptionKey: key, decryptionKeys: [old] });
    const env = { APP_ENCRYPTION_KEY: key, APP_DECRYPTION_KEYS: old };
    expect(await runCli(['keyid'], { env })).toEqual({
      code: 0,
      stdout: `${keyIds.join('\n')}\n`,
      stderr: '',
    });
    const { stdout } = await runCli(['keyid', '--json'], { env });
    expect(JSON.parse(stdout)).toEqual({ keyId: keyIds[0], keyIds });
    expect((await runCli(['keyid'])).code).toBe(1);
  });
});

describe('keys and stores', () => {
  const file = { PROVIDER_VAULT_STORE: 'file:none.json' };
  const key = newKey();

  it.each([
    ['no key', 1, 'ERR_KEY_MISSING', file],
    ['a hex key', 1, 'ERR_KEY_INVALID', { ...file, APP_ENCRYPTION_KEY: 'ab'.repeat(32) }],
    ['no store', 2, 'ERR_USAGE', { APP_ENCRYPTION_KEY: key }],
    ['no database', 2, 'ERR_USAGE', { APP_ENCRYPTION_KEY: key, MONGO_URL: 'mongodb://127.0.0.1' }],
    [
      'a password with a bare percent sign',
      2,
      'ERR_USAGE',
      { APP_ENCRYPTION_KEY: key, MONGO_URL: unreachable.replace('/crm', '/crm%zz') },
    ],
    [
      'a host where a path belongs',
      2,
      'ERR_USAGE',
      { APP_ENCRYPTION_KEY: key, PROVIDER_VAULT_STORE: 'file://none.json' },
    ],
    ['no MongoDB URI', 2, 'ERR_USAGE', { APP_ENCRYPTION_KEY: key, MONGO_URL: 'http://host/crm' }],
    [
      'a server that does not answer',
      1,
      'ERR_STORE_UNAVAILABLE',
      {
        APP_ENCRYPTION_KEY: key,
        MONGO_URL: unreachable,
      },
    ],
  ])('%s', async (_what, code, errorCode, env: Record<string, string>) => {
    const finished = await runCli(['get', 'acme', 'twilio', '--json'], { env });
    expect(finished.code).toBe(code);
    expect(JSON.parse(finished.stdout).error.code).toBe(errorCode);
    const said = await runCli(['get', 'acme', 'twilio'], { env });
    expect(said.code).toBe(code);
    expect(said.stdout).toBe('');
    expect(said.stderr).toContain(errorCode);
    expect(said.stderr).not.toMatch(/^\s+at /m); // no stack
    for (const secret of ['pl4nted', 'ab'.repeat(32), key]) {
      expect(finished.stdout + said.stderr).not.toContain(secret);
    }
  });

  it('warns of a password in --store', async () => {
    const args = ['get', 'acme', 'twilio', '--store', unreachable];
    const { stderr } = await runCli(args, { env: { APP_ENCRYPTION_KEY: key } });
    expect(stderr).toContain('process list');
    expect(stderr).not.toContain('pl4nted');
  });
});

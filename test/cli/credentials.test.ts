import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { filePlace, mongoPlace } from '../support/cli-places.ts';
import { accountSid, apiKeySid, apiSecret, authToken, newKey } from '../support/fixtures.ts';
import { runCli } from '../support/run-cli.ts';

const mongo = await mongoPlace();
const file = await filePlace();
const planted = [authToken(7), authToken(8), apiSecret(7)];

/** Runs the command, and sees to it that no secret is said that was not asked for. */
async function run(env: Record<string, string>, args: readonly string[], input?: string) {
  const finished = await runCli(args, { env, ...(input !== undefined && { input }) });
  if (!args.includes('--reveal')) {
    for (const secret of [...planted, env.APP_ENCRYPTION_KEY ?? '']) {
      expect(finished.stdout + finished.stderr).not.toContain(secret);
    }
  }
  return finished;
}

describe.each([
  ['MongoDB', mongo.env],
  ['a file', file.env],
])('credentials in %s', (_name, place) => {
  const env: Record<string, string> = { ...place, APP_ENCRYPTION_KEY: newKey() };

  it('init makes the place; until then there is nothing to set', async () => {
    const early = await run(env, ['set', 'acme', 'twilio', 'authToken'], authToken(7));
    expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('ERR_STORE_FAILED') });
    const { code, stdout } = await run(env, ['init']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/ is ready\.\n$/) });
    expect((await run(env, ['init', '--json'])).code).toBe(0);
  });

  it('set reads one value from standard input', async () => {
    const finished = await run(env, ['set', 'acme', 'twilio', 'authToken'], `${authToken(7)}\n`);
    expect(finished).toEqual({
      code: 0,
      stdout: 'Set authToken of tenant "acme" at "twilio": revision 1.\n',
      stderr: '',
    });
  });

  it('set reads a bundle, and keeps what it does not name', async () => {
    const bundle = { accountSid: accountSid(7), apiKey: apiKeySid(7), apiSecret: apiSecret(7) };
    const args = ['set', 'acme', 'twilio', '--json', '--actor', 'ann'];
    const { code, stdout } = await run(env, args, JSON.stringify(bundle));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      tenantId: 'acme',
      provider: 'twilio',
      rev: 2,
      updatedBy: 'ann',
      fields: ['accountSid', 'apiKey', 'apiSecret'],
    });
  });

  it('get masks secrets, and shows the other fields', async () => {
    const { code, stdout } = await run(env, ['get', 'acme', 'twilio', '--json']);
    expect(code).toBe(0);
    const { revealed, rev, etag, updatedBy, fields } = JSON.parse(stdout);
    expect({ revealed, rev, updatedBy }).toEqual({ revealed: false, rev: 2, updatedBy: 'ann' });
    expect(etag).toMatch(/^[A-Za-z0-9+/]{16}$/);
    expect(fields.accountSid).toBe(accountSid(7));
    expect(Object.keys(fields).sort()).toEqual(['accountSid', 'apiKey', 'apiSecret', 'authToken']);
    const text = await run(env, ['get', 'acme', 'twilio']);
    expect(text.stdout).toMatch(new RegExp(`^accountSid +${accountSid(7)}$`, 'm'));
  });

  it('get --reveal shows them; of one field the bare value', async () => {
    const one = await run(env, ['get', 'acme', 'twilio', 'authToken', '--reveal']);
    expect(one.stdout).toBe(`${authToken(7)}\n`);
    const all = await run(env, ['get', 'acme', 'twilio', '--reveal', '--json']);
    expect(JSON.parse(all.stdout).fields).toEqual({
      accountSid: accountSid(7),
      apiKey: apiKeySid(7),
      apiSecret: apiSecret(7),
      authToken: authToken(7),
    });
  });

  it('status tells of one tenant, and of the whole store', async () => {
    const { code, stdout } = await run(env, ['status', 'acme', '--json']);
    expect(code).toBe(0);
    const { providers } = JSON.parse(stdout);
    expect(providers).toContainEqual(
      expect.objectContaining({ provider: 'twilio', state: 'configured', rev: 2 }),
    );
    const text = await run(env, ['status', 'acme', 'twilio']);
    expect(text.stdout).toMatch(/^twilio +configured +revision 2, key [0-9a-f]{8}, etag .{16}$/m);
    const all = await run(env, ['status', '--json']);
    expect(JSON.parse(all.stdout)).toMatchObject({
      records: 1,
      tenants: 1,
      providers: { twilio: 1 },
    });
  });

  it('what cannot be opened: exit code 1, and why', async () => {
    const other = { ...env, APP_ENCRYPTION_KEY: newKey() };
    const { code, stdout } = await run(other, ['status', 'acme', 'twilio', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(stdout).providers).toEqual([
      expect.objectContaining({ provider: 'twilio', state: 'unreadable' }),
    ]);
    for (const args of [['get'], ['get', '--reveal'], ['delete', '--yes']]) {
      const [command = '', ...options] = args;
      const finished = await run(other, [command, 'acme', 'twilio', 'apiKey', ...options]);
      expect(finished).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^ERR_KEY_UNKNOWN/),
      });
    }
  });

  it('delete needs --yes without a terminal, and says when there is nothing', async () => {
    expect((await run(env, ['delete', 'acme', 'twilio'])).code).toBe(2);
    expect((await run(env, ['delete', 'acme', 'twilio', 'apiKey', '--yes'])).code).toBe(0);
    const { stdout } = await run(env, ['get', 'acme', 'twilio', '--json']);
    expect(JSON.parse(stdout).fields).not.toHaveProperty('apiKey');
    expect((await run(env, ['delete', 'acme', 'twilio', 'apiKey', '--yes'])).code).toBe(1);
    expect((await run(env, ['delete', 'acme', 'twilio', '--yes', '--json'])).code).toBe(0);
    const again = await run(env, ['delete', 'acme', 'twilio', '--yes', '--json']);
    expect(again.code).toBe(1);
    expect(JSON.parse(again.stdout).error.code).toBe('ERR_SECRET_NOT_FOUND');
    expect((await run(env, ['get', 'acme', 'twilio'])).code).toBe(1);
  });

  it('set refuses a key that opens nothing of what is stored, unless the old one is lost', async () => {
    const args = ['set', 'acme', 'twilio', 'authToken'];
    await run(env, args, authToken(7));
    const other = { ...env, APP_ENCRYPTION_KEY: newKey() };
    const beta = ['set', 'beta', 'twilio', 'authToken'];
    const refused = await run(other, beta, authToken(7));
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/^ERR_KEY_UNKNOWN/) });
    expect((await run(other, ['get', 'beta', 'twilio'])).code).toBe(1);
    expect((await run(other, [...beta, '--new-key'], authToken(7))).code).toBe(0);
    expect((await run(other, beta, authToken(8))).code).toBe(0);
    for (const tenant of ['acme', 'beta']) await run(env, ['delete', tenant, 'twilio', '--yes']);
  });

  it.each([
    ['a value of the wrong form', ['set', 'acme', 'twilio', 'accountSid'], authToken(8)],
    ['an unknown field', ['set', 'acme', 'twilio', 'noSuchField'], authToken(8)],
    ['no field', ['set', 'acme', 'twilio'], '{}'],
    ['a number', ['set', 'acme', 'twilio'], '{"authToken": 12345678}'],
    ['no value', ['set', 'acme', 'twilio', 'authToken'], ''],
    ['no JSON', ['set', 'acme', 'twilio'], `{"authToken": ${authToken(8)}`],
    ['a tenant that is no name', ['set', 'constructor', 'twilio', 'authToken'], authToken(8)],
  ])('set refuses %s: exit code 2, nothing written', async (_what, args, input) => {
    expect((await run(env, args, input)).code).toBe(2);
    const { stdout } = await run(env, ['status', '--json']);
    expect(JSON.parse(stdout).records).toBe(0);
  });
});

it('what is stored is sealed', async () => {
  const env = { ...file.env, APP_ENCRYPTION_KEY: newKey() };
  await run(env, ['init']);
  await run(env, ['set', 'acme', 'twilio', 'authToken'], authToken(7));
  expect(await readFile(file.path, 'utf8')).not.toContain(authToken(7));
});

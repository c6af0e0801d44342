import { checkHealth, defineProvider, getTwilioClient, testConnection } from 'provider-vault';
import { FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import { afterAll, describe, expect, it } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  sendgridKey,
} from '../support/fixtures.ts';

const twilio = await FakeTwilio.start({
  accounts: [
    {
      accountSid: accountSid(1),
      authToken: authToken(1),
      apiKeys: [{ sid: apiKeySid(1), secret: apiSecret(1) }],
    },
    { accountSid: accountSid(2), authToken: authToken(2), status: 'suspended' },
  ],
});
const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1) }] });
const stopped = await FakeTwilio.start();
await stopped.close();
afterAll(() => Promise.all([twilio.close(), sendgrid.close()]));

async function check(provider: string, fields: object | undefined, options: object = {}) {
  const { vault } = memoryVault();
  if (fields) await vault.put('one', provider, fields);
  return testConnection(vault, {
    tenantId: 'one',
    provider,
    env: {},
    client: twilio.clientOptions(),
    baseUrl: sendgrid.url,
    ...options,
  });
}
const accountOf1 = { accountSid: accountSid(1) };
const tokenOf = (n: number) => ({ accountSid: accountSid(n), authToken: authToken(n) });

describe('testConnection', () => {
  it('is one authenticated call that sends nothing', async () => {
    twilio.clear();
    sendgrid.clear();
    expect(await check('twilio', tokenOf(1))).toEqual({ ok: true });
    const key = { accountSid: accountSid(1), apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
    expect(await check('twilio', key)).toEqual({ ok: true });
    expect(await check('sendgrid', { apiKey: sendgridKey(1) })).toEqual({ ok: true });
    expect(twilio.requests.map(({ method }) => method)).toEqual(['GET', 'GET']);
    expect(sendgrid.requests.map(({ method }) => method)).toEqual(['GET']);
  });

  it('says why it does not work, in a form for a settings page', async () => {
    expect(await check('twilio', { ...tokenOf(1), authToken: authToken(5) })).toMatchObject({
      ok: false,
      code: 'wrong_credentials',
    });
    expect(await check('twilio', tokenOf(2))).toMatchObject({ code: 'suspended' });
    expect(await check('sendgrid', { apiKey: sendgridKey(5) })).toMatchObject({
      code: 'wrong_credentials',
    });
    expect(await check('twilio', undefined)).toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      detail: expect.stringContaining('accountSid'),
    });
    twilio.failNext({ status: 429 });
    expect(await check('twilio', tokenOf(1))).toMatchObject({ code: 'rate_limited' });
    twilio.failNext({ status: 500 });
    expect(await check('twilio', tokenOf(1))).toMatchObject({ code: 'provider_error' });
    expect(await check('twilio', tokenOf(1), { client: stopped.clientOptions() })).toMatchObject({
      code: 'unreachable',
    });
    sendgrid.failNext({ hang: true });
    expect(await check('sendgrid', { apiKey: sendgridKey(1) }, { timeoutMs: 100 })).toMatchObject({
      code: 'timeout',
    });
  });

  it('shows no credential', async () => {
    const results = await Promise.all([
      check('twilio', { ...tokenOf(1), authToken: authToken(5) }),
      check('sendgrid', { apiKey: sendgridKey(5) }),
    ]);
    expect(JSON.stringify(results)).not.toContain(authToken(5));
    expect(JSON.stringify(results)).not.toContain(sendgridKey(5));
  });

  it('refuses a provider that it cannot test', async () => {
    for (const provider of ['stripe', 'toString', { $ne: null }]) {
      await expect(check(provider as string, undefined)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
  });

  it('is a result when what was found is wrong, wherever it came from', async () => {
    const { vault } = memoryVault();
    for (const [provider, env] of [
      ['sendgrid', { SENDGRID_API_KEY: 'no-key' }],
      ['twilio', { TWILIO_ACCOUNT_SID: apiKeySid(1), TWILIO_AUTH_TOKEN: authToken(1) }],
    ] as const) {
      const result = await testConnection(vault, { tenantId: 'default', provider, env });
      expect(result).toMatchObject({ ok: false, code: 'wrong_credentials' });
    }
  });

  it('tells what may not be done from what is not known', async () => {
    twilio.failNext({ status: 403 });
    expect(await check('twilio', tokenOf(1))).toMatchObject({ code: 'not_allowed' });
    const reader = await FakeSendGrid.start({
      keys: [{ apiKey: sendgridKey(2), scopes: ['user.account.read'] }],
    });
    const result = check('sendgrid', { apiKey: sendgridKey(2) }, { baseUrl: reader.url });
    expect(await result).toMatchObject({
      code: 'not_allowed',
      detail: expect.stringContaining('mail.send'),
    });
    await reader.close();
  });

  it.each<[string, object]>([
    ['an object for a tenant', { tenantId: { $ne: null } }],
    ['a residency', { residency: 'us' }],
    ['a base URL', { baseUrl: 'nowhere' }],
    ['a timeout of 0', { timeoutMs: 0 }],
    ['a timeout that is no number', { timeoutMs: Number.NaN }],
    ['an override', { envOverride: 'yes' }],
  ])("refuses a caller's mistake: %s", async (_what, mistake) => {
    await expect(check('twilio', tokenOf(1), mistake)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });

  describe('of a form before it is saved', () => {
    async function form(fields: object, stored: object | undefined = tokenOf(1)) {
      const { vault, store } = memoryVault();
      if (stored) await vault.put('one', 'twilio', stored);
      const before = await store.get({ tenantId: 'one', provider: 'twilio' });
      const [shown] = (await vault.status('one')).filter(({ provider }) => provider === 'twilio');
      const masked = shown?.fields.authToken?.masked;
      const entered = JSON.parse(JSON.stringify(fields), (_name, value) =>
        value === 'the mask' ? masked : value,
      );
      const options = { tenantId: 'one', provider: 'twilio', env: {}, fields: entered };
      const result = await testConnection(vault, { ...options, client: twilio.clientOptions() });
      expect(await store.get({ tenantId: 'one', provider: 'twilio' })).toEqual(before);
      return result;
    }

    it.each<[string, object, object | undefined]>([
      ['entered whole, with nothing stored', tokenOf(1), undefined],
      ['with its mask', { accountSid: accountSid(1), authToken: 'the mask' }, tokenOf(1)],
      ['with empty fields', { accountSid: '', authToken: '' }, tokenOf(1)],
      ['in place of what is stored', { authToken: authToken(1) }, { ...tokenOf(5), ...accountOf1 }],
      ['with white space around it', { authToken: ` ${authToken(1)} ` }, tokenOf(1)],
      [
        'that removes a key which does not work',
        { apiKey: null, apiSecret: null },
        { ...tokenOf(1), apiKey: apiKeySid(5), apiSecret: apiSecret(5) },
      ],
    ])('works: %s', async (_what, fields, stored) => {
      expect(await form(fields, stored)).toEqual({ ok: true });
    });

    it.each<[string, object, object | undefined, string]>([
      ['a wrong token', { authToken: authToken(5) }, tokenOf(1), 'wrong_credentials'],
      ['a token that is removed', { authToken: null }, tokenOf(1), 'ERR_NOT_CONFIGURED'],
      ['a value of another form', { accountSid: 'x' }, tokenOf(1), 'wrong_credentials'],
      ['a part of a mask', { authToken: '••••abcd' }, undefined, 'wrong_credentials'],
    ])('does not work: %s', async (_what, fields, stored, code) => {
      expect(await form(fields, stored)).toMatchObject({ ok: false, code });
    });

    it('is not overridden by the environment, which saving would not change', async () => {
      const { vault } = memoryVault();
      const env = { TWILIO_ACCOUNT_SID: accountSid(1), TWILIO_AUTH_TOKEN: authToken(5) };
      const options = { tenantId: 'default', provider: 'twilio', env, fields: tokenOf(1) };
      expect(await testConnection(vault, { ...options, client: twilio.clientOptions() })).toEqual({
        ok: true,
      });
    });

    it('works for SendGrid, and shows no key', async () => {
      expect(await check('sendgrid', undefined, { fields: { apiKey: sendgridKey(1) } })).toEqual({
        ok: true,
      });
      const wrong = await check('sendgrid', undefined, { fields: { apiKey: sendgridKey(5) } });
      expect(wrong).toMatchObject({ code: 'wrong_credentials' });
      expect(JSON.stringify(wrong)).not.toContain(sendgridKey(5));
    });

    it.each([[['x']], ['text'], [5], [null], [{ 'a b': 'x' }]])('rejects %j', async (fields) => {
      await expect(check('twilio', tokenOf(1), { fields })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    });
  });

  it('leaves the clients of the application alone', async () => {
    const { vault } = memoryVault();
    await vault.put('one', 'twilio', tokenOf(1));
    const options = { tenantId: 'one', env: {}, client: twilio.clientOptions() };
    const client = await getTwilioClient(vault, options);
    await testConnection(vault, { ...options, provider: 'twilio' });
    expect(await getTwilioClient(vault, options)).toBe(client);
  });
});

it('a test of a definition that throws, or answers nothing, is a result that shows no credential', async () => {
  const answers: (() => unknown)[] = [
    () => Promise.reject(new TypeError('fetch of https://x.test/?key=k0 failed')),
    () => {
      throw new Error('k0');
    },
    () => undefined,
    () => 'k0',
  ];
  for (const answer of answers) {
    const { vault } = memoryVault();
    const own = defineProvider({
      name: 'own',
      fields: { key: { label: 'Key', secret: true } },
      complete: [['key']],
      test: async () => answer() as { ok: boolean },
    });
    await vault.put('one', own, { key: 'k0' });
    const result = await testConnection(vault, { tenantId: 'one', provider: own, env: {} });
    expect(result).toEqual({
      ok: false,
      code: 'provider_error',
      detail: 'The test of provider "own" failed.',
    });
  }
});

it('checkHealth goes on after a test that throws', async () => {
  const own = defineProvider({
    name: 'own',
    fields: { key: { label: 'Key', secret: true } },
    complete: [['key']],
    test: async ({ fields }) => {
      if (fields.key === 'k0') throw new TypeError('fetch failed');
      return { ok: true };
    },
  });
  const { vault } = memoryVault({ providers: [own] });
  await vault.put('one', own, { key: 'k0' });
  await vault.put('two', own, { key: 'k1' });
  expect(await checkHealth(vault, { maxPerSecond: 1_000 })).toMatchObject({
    ok: 1,
    failed: [{ tenantId: 'one', reason: 'provider_error' }],
  });
});

import { inspect } from 'node:util';
import { getTwilioClient, testConnection } from 'provider-vault';
import { FakeTwilio } from 'provider-vault/testing';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  rejection,
  twilioAccount,
} from '../support/fixtures.ts';

const oauthApp = { clientId: `OQ${'1'.repeat(32)}`, clientSecret: 'o'.repeat(40) };
const account = { ...twilioAccount(1), oauthApp };
const twilio = await FakeTwilio.start({ accounts: [account] });
const brief = await FakeTwilio.start({ accounts: [account], oauthTokenSeconds: 1 });
afterAll(() => Promise.all([twilio.close(), brief.close()]));
beforeEach(() => twilio.clear());

const text = { to: '+14155550100', from: '+15005550006', body: 'hello' };
const fields = {
  accountSid: accountSid(1),
  oauthClientId: oauthApp.clientId,
  oauthClientSecret: oauthApp.clientSecret,
};
const tokens = (standIn = twilio) =>
  standIn.requests.filter(({ path }) => path === '/v2/token').length;

async function connected(standIn = twilio, changes: Partial<typeof fields> = {}) {
  const { vault } = memoryVault();
  await vault.put('acme', 'twilio', { ...fields, ...changes });
  const client = standIn.clientOptions();
  return getTwilioClient(vault, { tenantId: 'acme', env: {}, client, timeoutMs: 5_000 });
}

describe('an OAuth app of Twilio', () => {
  it('fetches one token for 50 concurrent requests, and for those after them', async () => {
    const client = await connected();
    expect(client.accountSid).toBe(accountSid(1));
    await Promise.all(Array.from({ length: 50 }, () => client.messages.create(text)));
    await client.messages.create(text);
    expect(tokens()).toBe(1);
    expect(twilio.messages).toHaveLength(51);
    expect(twilio.requests.at(-1)).toMatchObject({ auth: 'oauth', host: 'api.twilio.com' });
    expect(twilio.requests[0]).toMatchObject({ host: 'oauth.twilio.com' });
  });

  it('renews the token before it expires, once for all callers', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] }); // the clock of both sides
    try {
      const client = await connected(brief);
      for (const passed of [0, 850, 100, 850, 100]) {
        vi.advanceTimersByTime(passed);
        await Promise.all([client.messages.create(text), client.messages.create(text)]);
      }
    } finally {
      vi.useRealTimers();
    }
    expect(tokens(brief)).toBe(3); // at 0, 950 and 1,900 ms
    expect(brief.requests.every(({ status }) => status < 300)).toBe(true);
  });

  it('does not remember a failure, and says what Twilio said', async () => {
    const client = await connected();
    twilio.failNext({ status: 503 });
    const [one, other] = await Promise.all([
      rejection(client.messages.create(text)),
      rejection(client.messages.create(text)),
    ]);
    for (const error of [one, other]) {
      expect(error).toMatchObject({ code: 'ERR_PROVIDER', status: 503, providerCode: 20503 });
    }
    expect(tokens()).toBe(1);
    twilio.failNext({ drop: true });
    expect(await rejection(client.messages.create(text))).toMatchObject({
      providerCode: 'ECONNRESET',
    });
    await client.messages.create(text);
    expect(twilio.messages).toHaveLength(1);

    const wrong = await connected(twilio, { oauthClientSecret: 'x'.repeat(40) });
    const refusal = await rejection(wrong.messages.create(text));
    expect(refusal).toMatchObject({ code: 'ERR_PROVIDER', status: 401 });
    expect(inspect(refusal)).not.toContain('x'.repeat(40));
  });

  it('fetches another token after Twilio refused one', async () => {
    const client = await connected();
    await client.messages.create(text);
    twilio.failNext({ status: 401 });
    expect(await rejection(client.messages.create(text))).toMatchObject({ status: 401 });
    await client.messages.create(text);
    expect(tokens()).toBe(2);
  });

  it('is preferred to the auth token, which is there for webhooks, but not to an API key', async () => {
    const both = await connected(twilio, { authToken: authToken(1) } as object);
    await both.messages.create(text);
    expect(twilio.requests.at(-1)).toMatchObject({ auth: 'oauth' });
    const key = { apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
    await (await connected(twilio, key as object)).messages.create(text);
    expect(twilio.requests.at(-1)).toMatchObject({ auth: 'apiKey' });
  });

  it('takes nothing from process.env, and comes from it as a whole', async () => {
    vi.stubEnv('TWILIO_ACCOUNT_SID', accountSid(9));
    vi.stubEnv('TWILIO_AUTH_TOKEN', authToken(9));
    const client = await connected();
    await client.messages.create(text);
    vi.unstubAllEnvs();
    expect(twilio.requests.at(-1)).toMatchObject({ auth: 'oauth', accountSid: accountSid(1) });

    const env = {
      TWILIO_ACCOUNT_SID: accountSid(1),
      TWILIO_OAUTH_CLIENT_ID: oauthApp.clientId,
      TWILIO_OAUTH_CLIENT_SECRET: oauthApp.clientSecret,
    };
    const options = { env, client: twilio.clientOptions() };
    await (await getTwilioClient(memoryVault().vault, options)).messages.create(text);
    expect(twilio.requests.at(-1)).toMatchObject({ auth: 'oauth' });
  });

  it('prints neither its secret nor its token', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'twilio', fields);
    const own = await getTwilioClient(vault, { tenantId: 'acme', env: {}, timeoutMs: 200 });
    await rejection(own.request({ method: 'get', uri: 'https://127.0.0.1:1/' } as never));
    const client = await connected();
    await client.messages.create(text);
    for (const shown of [own, own.httpClient, client, own.credentialProvider]) {
      const printed = inspect(shown, { depth: null, showHidden: true });
      expect(printed).not.toContain(oauthApp.clientSecret);
      expect(printed).not.toContain('Bearer');
    }
    expect(JSON.stringify(own.httpClient?.lastRequest ?? '')).not.toContain(oauthApp.clientSecret);
  });

  it('can be tested', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'twilio', fields);
    const options = { provider: 'twilio', env: {}, client: twilio.clientOptions() } as const;
    expect(await testConnection(vault, { ...options, tenantId: 'acme' })).toEqual({ ok: true });
    await vault.patch('acme', 'twilio', { oauthClientSecret: 'x'.repeat(40) });
    expect(await testConnection(vault, { ...options, tenantId: 'acme' })).toMatchObject({
      ok: false,
      code: 'wrong_credentials',
    });
  });
});

// What the official SDKs do that must not reach a tenant. Each test shows the SDK's own behaviour
// first, so that a new version of it which behaves otherwise is noticed, and then ours.
import { createRequire } from 'node:module';
import shared from '@sendgrid/mail';
import {
  createVoiceToken,
  getSendGridClient,
  getTwilioClient,
  testConnection,
  verifyTwilioWebhook,
} from 'provider-vault';
import { credentialFingerprint, FakeTwilio } from 'provider-vault/testing';
import twilio from 'twilio';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  rejection,
  sendgridKey,
} from '../support/fixtures.ts';

const require = createRequire(import.meta.url);
const standIn = await FakeTwilio.start({
  accounts: [
    { accountSid: accountSid(1), authToken: authToken(1) },
    {
      accountSid: accountSid(2),
      authToken: authToken(2),
      apiKeys: [{ sid: apiKeySid(2), secret: apiSecret(2) }],
    },
  ],
});
afterAll(() => standIn.close());
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const { vault } = memoryVault();
await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
await vault.put('noToken', 'twilio', { accountSid: accountSid(1) });
await vault.put('key', 'twilio', {
  accountSid: accountSid(2),
  apiKey: apiKeySid(2),
  apiSecret: apiSecret(2),
});
await vault.put('acme', 'sendgrid', { apiKey: sendgridKey(1) });
const acme = { tenantId: 'acme', client: standIn.clientOptions() };

it('is about these versions', () => {
  const { devDependencies } = require('../../package.json');
  for (const name of ['twilio', '@sendgrid/mail']) {
    expect(require(`${name}/package.json`).version).toBe(devDependencies[name]);
  }
});

describe('Twilio', () => {
  it('takes what is undefined from process.env', async () => {
    vi.stubEnv('TWILIO_ACCOUNT_SID', accountSid(9));
    vi.stubEnv('TWILIO_AUTH_TOKEN', authToken(9));
    vi.stubEnv('TWILIO_REGION', 'au1');
    vi.stubEnv('TWILIO_EDGE', 'sydney');
    vi.stubEnv('TWILIO_LOG_LEVEL', 'debug');
    expect(new twilio.Twilio(accountSid(1), undefined)).toMatchObject({
      password: authToken(9),
      region: 'au1',
      edge: 'sydney',
      logLevel: 'debug',
    });

    const log = vi.spyOn(console, 'log').mockReturnValue();
    const client = await getTwilioClient(vault, acme);
    await client.messages.list({ limit: 1 });
    expect(log).not.toHaveBeenCalled();
    expect(standIn.requests.at(-1)).toMatchObject({
      host: 'api.twilio.com',
      accountSid: accountSid(1),
      credential: credentialFingerprint(authToken(1)),
    });
    const noToken = getTwilioClient(vault, { ...acme, tenantId: 'noToken' });
    expect(await rejection(noToken)).toMatchObject({ code: 'ERR_NOT_CONFIGURED' });
  });

  it('takes the token of its webhook() from process.env, whatever it is given', async () => {
    vi.stubEnv('TWILIO_AUTH_TOKEN', authToken(9));
    const url = 'https://example.com/x';
    const signature = twilio.getExpectedTwilioSignature(authToken(9), url, {});
    const next = vi.fn();
    const request = { header: () => signature, protocol: 'https', headers: {}, body: {} };
    const hook = twilio.webhook({ url, authToken: authToken(1) } as never);
    hook(request as never, {} as never, next);
    expect(next).toHaveBeenCalled(); // signed by another account, and let through

    const verdict = await verifyTwilioWebhook(vault, { tenantId: 'acme', url, signature });
    expect(verdict).toEqual({ ok: false, reason: 'signature_mismatch' });
  });

  it('validates a JSON body only when it is asked to', async () => {
    const url = `https://example.com/x?bodySHA256=${'0'.repeat(64)}`;
    const signature = twilio.getExpectedTwilioSignature(authToken(1), url, {});
    expect(twilio.validateRequest(authToken(1), signature, url, {})).toBe(true);

    const options = { tenantId: 'acme', url, signature };
    const verdict = await verifyTwilioWebhook(vault, { ...options, params: {} });
    expect(verdict).toEqual({ ok: false, reason: 'missing_body' });
  });

  it('takes an API key for an account SID', async () => {
    expect(() => new twilio.Twilio(apiKeySid(1), apiSecret(1))).toThrow(/must start with AC/);

    const write = vault.put('x', 'twilio', { accountSid: apiKeySid(1), authToken: authToken(1) });
    const error = await rejection(write);
    expect(error).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/"accountSid".*"AC" and 32 hex digits/),
    });
    expect(String(error)).not.toContain(apiKeySid(1));
    const env = { TWILIO_ACCOUNT_SID: apiKeySid(1), TWILIO_AUTH_TOKEN: authToken(1) };
    expect(await rejection(getTwilioClient(vault, { env }))).toMatchObject({
      code: 'ERR_PROVIDER',
      message: expect.stringMatching(/accountSid must start with AC/),
    });
  });

  it('has credentials that are valid in one region', async () => {
    await vault.put('dublin', 'twilio', {
      accountSid: accountSid(1),
      authToken: authToken(1),
      region: 'ie1',
      edge: 'dublin',
    });
    const client = await getTwilioClient(vault, { ...acme, tenantId: 'dublin' });
    await client.messages.list({ limit: 1 });
    expect(standIn.requests.at(-1)).toMatchObject({ host: 'api.dublin.ie1.twilio.com' });
  });

  it('makes access tokens that are valid longer than Twilio takes', async () => {
    const { AccessToken } = twilio.jwt;
    const options = { identity: 'x'.repeat(500), ttl: 999_999 };
    const token = new AccessToken(accountSid(2), apiKeySid(2), apiSecret(2), options);
    expect(token.toJwt()).toMatch(/^eyJ/);

    for (const wrong of [{ identity: 'ada', ttlSeconds: 999_999 }, options]) {
      const made = createVoiceToken(vault, { tenantId: 'key', ...wrong } as never);
      expect(await rejection(made)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
  });

  it('keeps the credentials of the last request', async () => {
    const official = new twilio.Twilio(accountSid(1), authToken(1), { timeout: 50 });
    const ours = await getTwilioClient(vault, { tenantId: 'acme', client: { timeout: 50 } });
    for (const { httpClient } of [official, ours]) {
      const uri = 'http://127.0.0.1:1/'; // nobody listens
      const request = { method: 'get', uri, username: 'user', password: authToken(1) };
      await rejection(httpClient?.request(request as never) as Promise<unknown>);
    }
    const auth = Buffer.from(`user:${authToken(1)}`).toString('base64');
    expect(JSON.stringify(official.httpClient?.lastRequest)).toContain(auth);
    expect(JSON.stringify(ours.httpClient?.lastRequest)).not.toContain(auth);
  });

  it('does not let a standard API key read its account', async () => {
    const official = new twilio.Twilio(apiKeySid(2), apiSecret(2), {
      accountSid: accountSid(2),
      ...standIn.clientOptions(),
    });
    expect(await rejection(official.api.v2010.accounts(accountSid(2)).fetch())).toMatchObject({
      code: 20003,
    });
    const options = { ...acme, tenantId: 'key', provider: 'twilio' } as const;
    expect(await testConnection(vault, options)).toEqual({ ok: true });
  });
});

describe('SendGrid', () => {
  // What the SDK's types do not show of it.
  const { MailService } = shared as unknown as {
    MailService: new () => { client: { setDataResidency(region: string): void } & object };
  };

  it('only warns of a data residency that it does not have', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    new MailService().client.setDataResidency('us');
    expect(warn).toHaveBeenCalledTimes(1);

    const built = getSendGridClient(vault, { tenantId: 'acme', residency: 'us' as never });
    expect(await rejection(built)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it('has its API key set for everybody by who comes last', async () => {
    const everybody = shared as unknown as {
      client: { auth: string };
      setApiKey(key: string): void;
    };
    everybody.setApiKey(sendgridKey(8));
    const service = await getSendGridClient(vault, { tenantId: 'acme' });
    expect(service).toMatchObject({ client: { auth: `Bearer ${sendgridKey(1)}` } });
    expect(everybody.client.auth).toBe(`Bearer ${sendgridKey(8)}`);
  });
});

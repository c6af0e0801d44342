import { inspect } from 'node:util';
import {
  getSendGridClient,
  getTwilioClient,
  isVaultError,
  ProviderError,
  VaultError,
} from 'provider-vault';
import { FakeSendGrid, FakeTwilio, type StandInFailure } from 'provider-vault/testing';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  rejection,
  sendgridKey,
} from '../support/fixtures.ts';
import { expectNone, textsIn } from '../support/printed.ts';

const twilio = await FakeTwilio.start({
  accounts: [
    {
      accountSid: accountSid(1),
      authToken: authToken(1),
      apiKeys: [{ sid: apiKeySid(1), secret: apiSecret(1) }],
    },
  ],
});
const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1) }] });
afterAll(() => Promise.all([twilio.close(), sendgrid.close()]));
beforeEach(() => {
  twilio.clear();
  sendgrid.clear();
});

const { vault } = memoryVault();
await vault.put('token', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
await vault.put('key', 'twilio', {
  accountSid: accountSid(1),
  apiKey: apiKeySid(1),
  apiSecret: apiSecret(1),
});
await vault.put('mail', 'sendgrid', { apiKey: sendgridKey(1) });

const base64 = (text: string) => Buffer.from(text).toString('base64');
const OWN: Record<string, readonly string[]> = {
  token: [authToken(1), base64(`${accountSid(1)}:${authToken(1)}`)],
  key: [apiSecret(1), base64(`${apiKeySid(1)}:${apiSecret(1)}`)],
  mail: [sendgridKey(1)],
};
const SECRETS = Object.values(OWN).flat();

const expectNoSecret = (value: unknown) => expectNone(SECRETS, value);

function expectCleanError(error: unknown, expected: object): asserts error is ProviderError {
  expect(error).toBeInstanceOf(ProviderError);
  expect(error).toBeInstanceOf(VaultError);
  expect(error).toMatchObject({ code: 'ERR_PROVIDER', name: 'ProviderError', ...expected });
  expect(isVaultError(error, 'ERR_PROVIDER')).toBe(true);
  expect((error as Error).cause).toBeUndefined();
  expectNoSecret(error);
  const reachable = textsIn(error).join('\n');
  for (const secret of SECRETS) expect(reachable).not.toContain(secret);
  expect(reachable).not.toMatch(/^(authorization|headers|config|auth|request|response)$/im);
}

const text = { to: '+14155550100', from: '+15005550006', body: 'hello' };
const twilioOf = (tenantId: string, settings: { timeout?: number } = {}) =>
  getTwilioClient(vault, { tenantId, env: {}, client: twilio.clientOptions(settings) });
const sendText = async (tenantId: string, settings?: { timeout?: number }) =>
  (await twilioOf(tenantId, settings)).messages.create(text);
const mailOf = () => getSendGridClient(vault, { tenantId: 'mail', env: {}, baseUrl: sendgrid.url });
const mail = () => ({ to: 'a@example.com', from: 'b@example.com', subject: 's', text: 't' });

describe.each(['token', 'key'])("Twilio's errors, with the %s", (tenantId) => {
  it.each<[string, StandInFailure, object]>([
    ['401', { status: 401 }, { status: 401, providerCode: 20003 }],
    ['suspended', { status: 403, code: 20005 }, { status: 403, providerCode: 20005 }],
    ['429', { status: 429 }, { status: 429, providerCode: 20429 }],
    ['503', { status: 503 }, { status: 503, providerCode: 20503 }],
  ])('%s', async (_what, failure, expected) => {
    twilio.failNext(failure);
    const error = await rejection(sendText(tenantId));
    expectCleanError(error, { provider: 'twilio', ...expected });
  });

  it('a field that Twilio refuses: its code and its words', async () => {
    const message = "Invalid 'To' Phone Number: nobody";
    twilio.failNext({ status: 400, code: 21211, message });
    const error = await rejection(sendText(tenantId));
    expectCleanError(error, { status: 400, providerCode: 21211 });
    expect(error.message).toMatch(/^twilio answered 400 \(21211\): .*'To'/);
    expect(error.stack).toContain(error.message);
  });

  it('a connection that breaks', async () => {
    twilio.failNext({ drop: true });
    const error = await rejection(sendText(tenantId));
    expectCleanError(error, { providerCode: 'ECONNRESET' });
    expect(error).not.toHaveProperty('status');
  });

  it('a request that takes too long', async () => {
    twilio.failNext({ hang: true });
    const error = await rejection(sendText(tenantId, { timeout: 300 }));
    expectCleanError(error, { providerCode: 'ECONNABORTED' });
  });

  it('a provider that says the credentials back', async () => {
    const said = OWN[tenantId]?.join(' and ');
    twilio.failNext({ status: 400, code: 20001, message: `Bad header: Basic ${said}` });
    expectCleanError(await rejection(sendText(tenantId)), { providerCode: 20001 });
  });

  it('an account SID of another kind, said before anything is sent', async () => {
    const env = { TWILIO_ACCOUNT_SID: 'US-not-an-account', TWILIO_AUTH_TOKEN: authToken(1) };
    expectCleanError(await rejection(getTwilioClient(vault, { env })), {
      message: expect.stringContaining('accountSid must start with AC'),
    });
  });

  it('lists, each(), a callback and request() fail in the same way', async () => {
    const client = await twilioOf(tenantId);
    twilio.failNext({ status: 500, times: 4 });
    const viaCallback = new Promise((resolve) => {
      client.messages.create(text, (error) => resolve(error)).catch(() => undefined);
    });
    const viaRequest = client.request({
      method: 'get',
      uri: `https://api.twilio.com/2010-04-01/Accounts/${accountSid(1)}/Messages.json`,
    });
    const viaEach = new Promise((resolve) =>
      client.messages.each({ callback: () => undefined, done: resolve }),
    );
    const errors = await Promise.all([
      rejection(client.messages.list({ limit: 1 })),
      viaCallback,
      rejection(viaRequest),
      viaEach,
    ]);
    for (const error of errors) expectCleanError(error, { status: 500 });
  });
});

describe("SendGrid's errors", () => {
  it.each<[string, StandInFailure, object]>([
    ['401', { status: 401 }, { status: 401 }],
    ['403', { status: 403 }, { status: 403 }],
    ['429', { status: 429 }, { status: 429 }],
    ['500', { status: 500 }, { status: 500 }],
    ['a connection that breaks', { drop: true }, { providerCode: 'ECONNRESET' }],
  ])('%s', async (_what, failure, expected) => {
    sendgrid.failNext(failure);
    const error = await rejection((await mailOf()).send(mail()));
    expectCleanError(error, { provider: 'sendgrid', ...expected });
  });

  it('a mail that SendGrid refuses: the field and its words', async () => {
    sendgrid.failNext({ status: 400, field: 'subject', message: 'The subject is required.' });
    const error = await rejection((await mailOf()).send(mail()));
    expectCleanError(error, { status: 400 });
    expect(error.message).toMatch(/^sendgrid answered 400: subject: /);
    expect(error).not.toHaveProperty('providerCode');
  });

  it('a request that takes too long', async () => {
    sendgrid.failNext({ hang: true });
    const service = await getSendGridClient(vault, {
      tenantId: 'mail',
      env: {},
      baseUrl: sendgrid.url,
      timeoutMs: 300,
    });
    expectCleanError(await rejection(service.send(mail())), { providerCode: 'ECONNABORTED' });
  });

  it('a provider that says the key back', async () => {
    sendgrid.failNext({ status: 400, message: `No: ${sendgridKey(1)} (Bearer ${sendgridKey(2)})` });
    const error = await rejection((await mailOf()).send(mail()));
    expectCleanError(error, { status: 400 });
    expect(error.message).not.toContain(sendgridKey(2));
  });

  it('in a callback too', async () => {
    sendgrid.failNext({ status: 500 });
    const service = await mailOf();
    const error = await new Promise((resolve) => {
      void service.send(mail(), false, (failure) => resolve(failure));
    });
    expectCleanError(error, { status: 500 });
  });

  it('a host that does not exist', async () => {
    const gone = await FakeSendGrid.start();
    await gone.close();
    const service = await getSendGridClient(vault, {
      tenantId: 'mail',
      env: {},
      baseUrl: gone.url,
    });
    expectCleanError(await rejection(service.send(mail())), { providerCode: 'ECONNREFUSED' });
  });
});

describe('a client that is printed', () => {
  it.each(['token', 'key'])('shows no credential of Twilio, used or not: %s', async (tenantId) => {
    expectNoSecret(await getTwilioClient(vault, { tenantId, env: {} }));
    const client = await twilioOf(tenantId);
    expectNoSecret(client);
    await client.messages.create(text);
    expectNoSecret(client);
    expectNoSecret({ ...client });
    expectNoSecret(client.messages);
    expectNoSecret(client.api);
    expect(inspect(client)).toMatch(/^Twilio \{\s+accountSid: 'AC1+'/);
    expect(JSON.parse(JSON.stringify(client))).toMatchObject({ accountSid: accountSid(1) });
  });

  it("shows no credential in the SDK's memory of the last request", async () => {
    const client = await getTwilioClient(vault, { tenantId: 'token', env: {} });
    // nothing leaves this machine: the port is closed
    const http = client.httpClient as NonNullable<typeof client.httpClient>;
    await http
      .request({
        method: 'get',
        uri: 'http://127.0.0.1:1/x',
        username: accountSid(1),
        password: authToken(1),
      } as never)
      .catch(() => undefined);
    expect(http.lastRequest).toMatchObject({ method: 'get', url: 'http://127.0.0.1:1/x' });
    expectNoSecret(http.lastRequest);
  });

  it('shows no credential of SendGrid, used or not', async () => {
    const service = await mailOf();
    expectNoSecret(service);
    await service.send(mail());
    expectNoSecret(service);
    expectNoSecret({ ...service });
  });
});

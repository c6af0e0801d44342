import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import {
  AUDIT_CHANNEL,
  type AuditEvent,
  createVoiceToken,
  getSendGridClient,
  getTwilioClient,
} from 'provider-vault';
import { credentialFingerprint, FakeTwilio } from 'provider-vault/testing';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  rejection,
  sendgridKey,
  twilioAccount,
} from '../support/fixtures.ts';

const twilio = await FakeTwilio.start({
  accounts: [1, 2, 9].map(twilioAccount),
});
const client = twilio.clientOptions();
afterAll(() => twilio.close());
afterEach(() => vi.unstubAllEnvs());

const tokenOf = (n: number) => ({ accountSid: accountSid(n), authToken: authToken(n) });
const envOf = (n: number) => ({
  TWILIO_ACCOUNT_SID: accountSid(n),
  TWILIO_AUTH_TOKEN: authToken(n),
});
const keyEnvOf = (n: number) => ({
  TWILIO_API_KEY: apiKeySid(n),
  TWILIO_API_SECRET: apiSecret(n),
});

async function stored() {
  const { vault, store } = memoryVault();
  await vault.put('default', 'twilio', { ...tokenOf(1), region: 'ie1', edge: 'dublin' });
  await vault.put('acme', 'twilio', tokenOf(2));
  const sidOf = async (options: object) => (await getTwilioClient(vault, options)).accountSid;
  return { vault, store, sidOf };
}

// Each test is one sentence of the contract.
describe('the environment', () => {
  it('comes before the vault, which is not asked then', async () => {
    const { vault, store } = await stored();
    const get = vi.spyOn(store, 'get');
    const built = await getTwilioClient(vault, { env: envOf(9), client });
    await built.messages.create({ to: '+14155550100', from: '+15005550006', body: 'hello' });
    expect(twilio.requests.at(-1)).toMatchObject({
      accountSid: accountSid(9),
      credential: credentialFingerprint(authToken(9)),
    });
    expect(get).not.toHaveBeenCalled();
  });

  it('is process.env unless another is given', async () => {
    const { sidOf } = await stored();
    for (const [name, value] of Object.entries(envOf(9))) vi.stubEnv(name, value);
    expect(await sidOf({})).toBe(accountSid(9));
    expect(await sidOf({ env: {} })).toBe(accountSid(1));
  });

  it('gives way to the vault when it holds no credential, blank ones included', async () => {
    const { sidOf } = await stored();
    for (const env of [{}, { TWILIO_ACCOUNT_SID: ' ', TWILIO_AUTH_TOKEN: '' }]) {
      expect(await sidOf({ env })).toBe(accountSid(1));
    }
  });

  it('is not pulled by a variable that is no part of a complete set', async () => {
    const { vault } = await stored();
    const env = { TWILIO_REGION: 'au1', TWILIO_EDGE: 'sydney', TWILIO_LOG_LEVEL: 'debug' };
    expect(await getTwilioClient(vault, { env })).toMatchObject({
      accountSid: accountSid(1),
      region: 'ie1',
      edge: 'dublin',
    });
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a token', { TWILIO_AUTH_TOKEN: authToken(9) }, /TWILIO_ACCOUNT_SID/],
    ['an account', { TWILIO_ACCOUNT_SID: accountSid(9) }, /TWILIO_AUTH_TOKEN/],
    ['an API key', keyEnvOf(9), /TWILIO_ACCOUNT_SID/],
    [
      'half a key',
      { TWILIO_ACCOUNT_SID: accountSid(9), TWILIO_API_KEY: apiKeySid(9) },
      /TWILIO_API_SECRET.*or TWILIO_AUTH_TOKEN/,
    ],
  ])('needs a complete set, and names what is missing: %s', async (_what, env, missing) => {
    const { vault } = await stored();
    const error = await rejection(getTwilioClient(vault, { env, client }));
    expect(error).toMatchObject({
      code: 'ERR_ENV_INCOMPLETE',
      message: expect.stringMatching(missing),
    });
    for (const secret of [authToken(9), apiSecret(9), accountSid(9)]) {
      expect(inspect(error)).not.toContain(secret);
    }
  });

  it('is never mixed with the vault', async () => {
    const { vault } = await stored();
    expect(await getTwilioClient(vault, { env: envOf(9) })).toMatchObject({
      accountSid: accountSid(9),
      region: '',
      edge: '',
    });
    const withRegion = { ...envOf(9), TWILIO_REGION: 'au1' };
    expect(await getTwilioClient(vault, { env: withRegion })).toMatchObject({ region: 'au1' });
    // what only the vault has is missing
    const voice = createVoiceToken(vault, { identity: 'ada', env: envOf(9) });
    expect(await rejection(voice)).toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringMatching(/Looked in the environment, which overrides the vault/),
    });
  });

  it('applies to the tenant "default" only', async () => {
    const { sidOf } = await stored();
    expect(await sidOf({ tenantId: 'acme', env: envOf(9) })).toBe(accountSid(2));
    expect(await sidOf({ tenantId: 'default', env: envOf(9) })).toBe(accountSid(9));
    const incomplete = { TWILIO_AUTH_TOKEN: authToken(9) };
    expect(await sidOf({ tenantId: 'acme', env: incomplete })).toBe(accountSid(2));
  });

  it('applies to every tenant under envOverride: "all"', async () => {
    const { sidOf } = await stored();
    const all = { env: envOf(9), envOverride: 'all' };
    expect(await sidOf({ tenantId: 'acme', ...all })).toBe(accountSid(9));
    expect(await sidOf({ tenantId: 'nobody', ...all })).toBe(accountSid(9));
  });

  it('is turned off by envOverride: false', async () => {
    const { sidOf } = await stored();
    expect(await sidOf({ env: envOf(9), envOverride: false })).toBe(accountSid(1));
    const incomplete = { TWILIO_AUTH_TOKEN: authToken(9) };
    expect(await sidOf({ env: incomplete, envOverride: false })).toBe(accountSid(1));
  });

  it('is audited each time it overrides, by names', async () => {
    const { vault } = await stored();
    const events: AuditEvent[] = [];
    const listen = (event: unknown) => events.push(event as AuditEvent);
    subscribe(AUDIT_CHANNEL, listen);
    await getTwilioClient(vault, { env: envOf(9) });
    await getTwilioClient(vault, { env: envOf(9) });
    unsubscribe(AUDIT_CHANNEL, listen);
    const event = {
      action: 'override',
      tenantId: 'default',
      provider: 'twilio',
      fields: ['accountSid', 'authToken'],
      outcome: 'ok',
      source: 'environment',
    };
    expect(events).toMatchObject([event, event]);
    expect(JSON.stringify(events)).not.toContain(authToken(9));
  });

  it('prefers the API key, as the vault does', async () => {
    const { vault } = await stored();
    const built = await getTwilioClient(vault, { env: { ...envOf(9), ...keyEnvOf(9) } });
    expect(built.username).toBe(apiKeySid(9));
  });

  it('does not stand in for a store that cannot be reached', async () => {
    const { vault, store } = await stored();
    vi.spyOn(store, 'get').mockRejectedValue(new Error('down'));
    const ask = getTwilioClient(vault, { tenantId: 'acme', env: envOf(9) });
    await expect(ask).rejects.toThrow('down');
  });

  it('names what is missing and where it looked when neither has it', async () => {
    const { vault } = memoryVault();
    expect(await rejection(getSendGridClient(vault, { env: {} }))).toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringMatching(/apiKey missing.*the environment and the vault/),
    });
    const env = { SENDGRID_API_KEY: sendgridKey(9) };
    expect(await rejection(getSendGridClient(vault, { tenantId: 'acme', env }))).toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringMatching(/the vault \(the environment does not override this tenant\)/),
    });
  });
});

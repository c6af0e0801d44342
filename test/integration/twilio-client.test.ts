import { getTwilioClient, isVaultError } from 'provider-vault';
import { credentialFingerprint, FakeTwilio } from 'provider-vault/testing';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  rejection,
  twilioAccount,
} from '../support/fixtures.ts';

const twilio = await FakeTwilio.start({
  accounts: [1, 2, 9].map(twilioAccount),
});
const client = await twilio.clientOptions();
afterAll(() => twilio.close());
afterEach(() => vi.unstubAllEnvs());

const text = { to: '+14155550100', from: '+15005550006', body: 'hello' };
const tokenOf = (n: number) => ({ accountSid: accountSid(n), authToken: authToken(n) });
const noEnv = { env: {}, client };
describe('getTwilioClient', () => {
  it("sends with the tenant's own credentials", async () => {
    const { vault } = memoryVault();
    await vault.put('one', 'twilio', tokenOf(1));
    await vault.put('two', 'twilio', tokenOf(2));
    for (const [tenantId, n] of [
      ['one', 1],
      ['two', 2],
    ] as const) {
      const message = await (await getTwilioClient(vault, { tenantId, ...noEnv })).messages.create(
        text,
      );
      expect(message.sid).toMatch(/^SM/);
      expect(twilio.requests.at(-1)).toMatchObject({
        method: 'POST',
        accountSid: accountSid(n),
        username: accountSid(n),
        credential: credentialFingerprint(authToken(n)),
        status: 201,
      });
    }
  });

  it('prefers the API key to the auth token [L5]', async () => {
    const { vault } = memoryVault();
    const apiKey = { apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
    await vault.put('one', 'twilio', { ...tokenOf(1), ...apiKey });
    await (await getTwilioClient(vault, { tenantId: 'one', ...noEnv })).messages.create(text);
    expect(twilio.requests.at(-1)).toMatchObject({ username: apiKeySid(1), auth: 'apiKey' });

    await vault.patch('one', 'twilio', { apiSecret: null });
    await (await getTwilioClient(vault, { tenantId: 'one', ...noEnv })).messages.create(text);
    expect(twilio.requests.at(-1)).toMatchObject({ username: accountSid(1), auth: 'token' });
  });

  it('never takes a credential, region or edge from process.env by itself', async () => {
    vi.stubEnv('TWILIO_ACCOUNT_SID', accountSid(9));
    vi.stubEnv('TWILIO_AUTH_TOKEN', authToken(9));
    vi.stubEnv('TWILIO_REGION', 'ie1');
    vi.stubEnv('TWILIO_EDGE', 'dublin');
    const { vault } = memoryVault();
    await vault.put('one', 'twilio', tokenOf(1));
    const built = await getTwilioClient(vault, { tenantId: 'one', client });
    expect(built).toMatchObject({ accountSid: accountSid(1), region: '', edge: '' });
    await built.messages.create(text);
    expect(twilio.requests.at(-1)).toMatchObject({
      accountSid: accountSid(1),
      credential: credentialFingerprint(authToken(1)),
    });
    // a tenant without a token gets an error, not the platform's token
    await vault.put('two', 'twilio', { accountSid: accountSid(2) });
    await expect(getTwilioClient(vault, { tenantId: 'two', client })).rejects.toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
    });
  });

  it('passes the region and the edge of the credentials', async () => {
    const { vault } = memoryVault();
    await vault.put('one', 'twilio', { ...tokenOf(1), region: 'ie1', edge: 'dublin' });
    const built = await getTwilioClient(vault, { tenantId: 'one', ...noEnv });
    expect(built).toMatchObject({ region: 'ie1', edge: 'dublin' });
  });

  it('says what is missing and where it looked', async () => {
    const { vault } = memoryVault();
    await vault.put('half', 'twilio', { apiKey: apiKeySid(1), apiSecret: apiSecret(1) });
    const nothing = await rejection(getTwilioClient(vault, { tenantId: 'none', ...noEnv }));
    expect(nothing).toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringMatching(/"none".*accountSid, authToken.*the vault/),
    });
    const half = await rejection(getTwilioClient(vault, { tenantId: 'half', ...noEnv }));
    expect(half).toMatchObject({ message: expect.stringMatching(/: accountSid missing/) });
    const standard = await rejection(getTwilioClient(vault, noEnv));
    expect(standard).toMatchObject({
      message: expect.stringMatching(/"default".*the environment and the vault/),
    });
  });

  it('gives a new client when the credentials change, and the same one until then', async () => {
    const { vault } = memoryVault();
    await vault.put('one', 'twilio', tokenOf(1));
    const get = () => getTwilioClient(vault, { tenantId: 'one', ...noEnv });
    const [first, second] = await Promise.all([get(), get()]);
    expect(second).toBe(first);
    await vault.delete('one', 'twilio');
    await expect(get()).rejects.toMatchObject({ code: 'ERR_NOT_CONFIGURED' });
    await vault.put('one', 'twilio', tokenOf(2)); // revision 1 again
    expect(await get()).not.toBe(first);
    expect(await get()).toMatchObject({ accountSid: accountSid(2) });
    expect(await getTwilioClient(vault, { tenantId: 'one', env: {} })).not.toBe(await get());
  });
});

it('refuses what is no vault', async () => {
  const error = await rejection(getTwilioClient({} as never));
  expect(isVaultError(error, 'ERR_INVALID_ARGUMENT')).toBe(true);
});

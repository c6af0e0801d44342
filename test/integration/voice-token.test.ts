import { createVoiceToken } from 'provider-vault';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { accountSid, apiKeySid, apiSecret, authToken, memoryVault } from '../support/fixtures.ts';

const now = new Date('2030-01-01T00:00:00Z');
const credentials = { accountSid: accountSid(1), apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
const app = `AP${'1'.repeat(32)}`;

async function vaultWith(fields: object = credentials) {
  const { vault } = memoryVault({ now: () => now });
  await vault.put('one', 'twilio', fields);
  return vault;
}
const decode = (token: string) =>
  token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));

describe('createVoiceToken', () => {
  it.each([{}, { region: 'ie1' }])(
    'makes the token that the official SDK makes: %j',
    async (more) => {
      const vault = await vaultWith({ ...credentials, ...more, twimlAppSid: app });
      const token = await createVoiceToken(vault, { tenantId: 'one', identity: 'ann', env: {} });

      const { AccessToken } = twilio.jwt;
      const theirs = new AccessToken(
        credentials.accountSid,
        credentials.apiKey,
        credentials.apiSecret,
        {
          identity: 'ann',
          ttl: 3600,
          ...more,
        },
      );
      theirs.addGrant(
        new AccessToken.VoiceGrant({ incomingAllow: true, outgoingApplicationSid: app }),
      );
      const [header, payload] = decode(token);
      const [theirHeader, theirPayload] = decode(theirs.toJwt());
      expect(header).toEqual(theirHeader);
      const iat = now.getTime() / 1000;
      expect(payload).toEqual({
        ...theirPayload,
        jti: `${credentials.apiKey}-${iat}`,
        iat,
        exp: iat + 3600,
      });
    },
  );

  it('is signed by the API key of the tenant', async () => {
    const { createHmac } = await import('node:crypto');
    const token = await createVoiceToken(await vaultWith(), {
      tenantId: 'one',
      identity: 'ann',
      env: {},
      incomingAllow: false,
      ttlSeconds: 60,
    });
    const [head, body, signature] = token.split('.');
    const expected = createHmac('sha256', credentials.apiSecret).update(`${head}.${body}`);
    expect(signature).toBe(expected.digest('base64url'));
    expect(decode(token)[1].grants).toEqual({ identity: 'ann', voice: {} });
  });

  it('needs an API key: the auth token cannot sign it', async () => {
    const vault = await vaultWith({ accountSid: accountSid(1), authToken: authToken(1) });
    await expect(
      createVoiceToken(vault, { tenantId: 'one', identity: 'ann', env: {} }),
    ).rejects.toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringContaining('apiKey, apiSecret'),
    });
  });

  it.each([
    { identity: '' },
    { identity: 'x'.repeat(122) },
    { identity: { $ne: null } },
    { identity: 'ann', ttlSeconds: 0 },
    { identity: 'ann', ttlSeconds: 86_401 },
    { identity: 'ann', twimlAppSid: ['x'] },
    { identity: 'ann', twimlAppSid: accountSid(1) },
    { identity: 'ann', incomingAllow: 'false' },
  ])('refuses %j', async (options) => {
    const vault = await vaultWith();
    await expect(
      createVoiceToken(vault, { tenantId: 'one', env: {}, ...options } as never),
    ).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

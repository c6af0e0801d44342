import { inspect } from 'node:util';
import { getTwilioClient } from 'provider-vault';
import { startFakeTwilio } from 'provider-vault/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { accountSid, authToken, memoryVault } from '../support/fixtures.ts';

const twilio = await startFakeTwilio({
  accounts: [{ accountSid: accountSid(1), authToken: authToken(1) }],
});
afterAll(() => twilio.close());
const text = { to: '+14155550100', from: '+15005550006', body: 'hello' };

async function clientWith(token: string) {
  const { vault } = memoryVault();
  await vault.put('one', 'twilio', { accountSid: accountSid(1), authToken: token });
  return getTwilioClient(vault, { tenantId: 'one', env: {}, client: twilio.clientOptions() });
}

describe('errors of the Twilio client', () => {
  it.each([
    ['a wrong token', authToken(2), undefined, { status: 401, providerCode: 20003 }],
    ['a limit', authToken(1), { status: 429, code: 20429 }, { status: 429, providerCode: 20429 }],
    ['an outage', authToken(1), { status: 503 }, { status: 503 }],
    ['a dropped connection', authToken(1), { drop: true }, { providerCode: 'ECONNRESET' }],
  ])('%s is ERR_PROVIDER without credentials', async (_name, token, failure, expected) => {
    const client = await clientWith(token);
    if (failure) twilio.failNext(failure);
    const error: Error = await client.messages.create(text).then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'ERR_PROVIDER', provider: 'twilio', ...expected });
    const basic = Buffer.from(`${accountSid(1)}:${token}`).toString('base64');
    const shown = [
      inspect(error, { depth: 9, showHidden: true }),
      JSON.stringify(error),
      error.stack,
    ].join();
    expect(shown).not.toContain(token);
    expect(shown).not.toContain(basic);
    expect(shown).not.toMatch(/authorization/i);
  });

  it('keep the numbers that an application looks at', async () => {
    const client = await clientWith(authToken(1));
    await expect(client.messages.create({ ...text, to: 'nobody' })).rejects.toMatchObject({
      status: 400,
      providerCode: 21211,
    });
    await expect(client.messages('SM'.padEnd(34, '0')).fetch()).rejects.toMatchObject({
      status: 404,
      providerCode: 20404,
    });
  });

  it('the constructor refusing an SID of another kind is said clearly', async () => {
    const { vault } = memoryVault();
    const env = { TWILIO_ACCOUNT_SID: 'US-not-an-account', TWILIO_AUTH_TOKEN: authToken(1) };
    await expect(getTwilioClient(vault, { env })).rejects.toMatchObject({
      code: 'ERR_PROVIDER',
      message: expect.stringContaining('accountSid must start with AC'),
    });
  });
});

it('a client shows no token, before and after a request', async () => {
  const client = await clientWith(authToken(1));
  for (let round = 0; round < 2; round++) {
    for (const object of [client, { deep: { client } }]) {
      expect(inspect(object, { depth: 9 })).not.toContain(authToken(1));
    }
    expect(JSON.stringify({ client })).not.toContain(authToken(1));
    expect(inspect(client, { customInspect: false, depth: 2 })).not.toContain(authToken(1));
    await client.messages.create(text);
  }
});

import {
  createVoiceToken,
  getSendGridClient,
  getTwilioClient,
  type SecretsVault,
  testConnection,
  verifySendGridWebhook,
  verifyTwilioWebhook,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { audited } from '../../support/audited.ts';
import { accountSid, apiKeySid, apiSecret, authToken } from '../../support/fixtures.ts';

const url = 'https://crm.example/';
const CALLS: Record<string, (vault: SecretsVault, options: object) => Promise<unknown>> = {
  getTwilioClient: (vault, options) => getTwilioClient(vault, { env: {}, ...options }),
  getSendGridClient: (vault, options) => getSendGridClient(vault, { env: {}, ...options }),
  createVoiceToken: (vault, options) =>
    createVoiceToken(vault, { env: {}, identity: 'ada', ...options }),
  verifyTwilioWebhook: (vault, options) =>
    verifyTwilioWebhook(vault, { env: {}, signature: 'x', url, ...options }),
  verifySendGridWebhook: (vault, options) =>
    verifySendGridWebhook(vault, { signature: 'x', timestamp: '1', rawBody: '', ...options }),
  testConnection: (vault, options) =>
    testConnection(vault, { env: {}, provider: 'twilio', ...options } as never),
};

describe.each(Object.keys(CALLS))('%s', (name) => {
  const call = CALLS[name] as (typeof CALLS)[string];

  it('rejects a tenant id that was lost, and leaves an event of it', async () => {
    const { vault, events } = audited();
    await vault.put('default', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
    for (const tenantId of [undefined, { $ne: null }]) {
      events.length = 0;
      await expect(call(vault, { tenantId })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
      if (name.startsWith('verify') && tenantId !== undefined) continue; // summed up
      expect(events).toMatchObject([
        { tenantId: '(invalid)', outcome: 'refused', code: 'ERR_INVALID_ARGUMENT' },
      ]);
    }
  });

  it('leaves an event where nothing is configured', async () => {
    const { vault, events } = audited();
    const code = 'ERR_NOT_CONFIGURED';
    const asked = call(vault, { tenantId: 'a' });
    if (name === 'testConnection') expect(await asked).toMatchObject({ code });
    else await expect(asked).rejects.toMatchObject({ code });
    const [event] = events.filter((one) => one.code === code);
    expect(event).toMatchObject({ tenantId: 'a', code });
    expect(event?.outcome).not.toBe('ok');
    expect(events.filter(({ outcome }) => outcome === 'ok')).toEqual([]);
  });
});

it('takes the tenant "default" where tenantId is left out', async () => {
  const { vault } = audited();
  await vault.put('default', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
  expect(await getTwilioClient(vault, { env: {} })).toMatchObject({ accountSid: accountSid(1) });
});

describe('the audit trail of a client', () => {
  it('has one event for each, with who asks and why, also while the client is kept', async () => {
    const { vault, events } = audited();
    await vault.put('a', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
    events.length = 0;
    const asked = { tenantId: 'a', env: {}, actor: 'ada', reason: 'campaign 7' };
    for (let n = 0; n < 2; n++) await getTwilioClient(vault, asked);
    const event = {
      action: 'get',
      outcome: 'ok',
      actor: 'ada',
      reason: 'campaign 7',
      rev: 1,
      fields: ['accountSid', 'authToken'],
    };
    expect(events).toMatchObject([event, event]);
    expect(events).toHaveLength(2);
  });

  it('has the refusal of an incomplete environment', async () => {
    const { vault, events } = audited();
    const env = { TWILIO_AUTH_TOKEN: authToken(1) };
    await expect(getTwilioClient(vault, { env, actor: 'ada' })).rejects.toMatchObject({
      code: 'ERR_ENV_INCOMPLETE',
    });
    expect(events).toMatchObject([
      { tenantId: 'default', outcome: 'refused', code: 'ERR_ENV_INCOMPLETE', actor: 'ada' },
    ]);
  });

  it('has the refusal of an override that is not enough', async () => {
    const { vault, events } = audited();
    const env = { TWILIO_ACCOUNT_SID: accountSid(1), TWILIO_AUTH_TOKEN: authToken(1) };
    const voice = createVoiceToken(vault, { env, identity: 'ada' });
    await expect(voice).rejects.toMatchObject({ code: 'ERR_NOT_CONFIGURED' });
    expect(events).toMatchObject([
      { action: 'override', outcome: 'ok' },
      { action: 'get', outcome: 'refused', code: 'ERR_NOT_CONFIGURED' },
    ]);
  });

  it('has who makes a voice token, and who tests', async () => {
    const { vault, events } = audited();
    const fields = { accountSid: accountSid(1), apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
    await vault.put('a', 'twilio', fields);
    events.length = 0;
    await createVoiceToken(vault, { tenantId: 'a', env: {}, identity: 'ada', actor: 'ada' });
    await testConnection(vault, { tenantId: 'b', provider: 'twilio', env: {}, actor: 'bob' });
    expect(events[0]).toMatchObject({ action: 'get', outcome: 'ok', actor: 'ada' });
    expect(events.at(-1)).toMatchObject({ action: 'test', outcome: 'failed', actor: 'bob' });
    expect(events.every(({ actor }) => actor !== undefined)).toBe(true);
  });

  it.each([{ actor: 5 }, { reason: 'x'.repeat(1_025) }])(
    'takes texts only: %j',
    async (options) => {
      const { vault } = audited();
      for (const call of [CALLS.getTwilioClient, CALLS.createVoiceToken, CALLS.testConnection]) {
        await expect(call?.(vault, { tenantId: 'a', ...options })).rejects.toMatchObject({
          code: 'ERR_INVALID_ARGUMENT',
        });
      }
    },
  );
});

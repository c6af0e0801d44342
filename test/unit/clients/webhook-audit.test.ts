import { SecretsVault, verifySendGridWebhook, verifyTwilioWebhook } from 'provider-vault';
import twilio from 'twilio';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { audited } from '../../support/audited.ts';
import { accountSid, authToken } from '../../support/fixtures.ts';

const url = 'https://crm.example/sms';
const signature = twilio.getExpectedTwilioSignature(authToken(1), url, {});

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

async function trail() {
  const { vault, events, faulty } = audited();
  await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
  events.length = 0;
  const post = (options: object = {}) =>
    verifyTwilioWebhook(vault, { tenantId: 'acme', env: {}, signature, url, ...options });
  return { vault, events, post, faulty };
}

it('leaves one event for each genuine webhook', async () => {
  const { events, post } = await trail();
  expect(await post({ actor: 'webhooks' })).toMatchObject({ ok: true });
  expect(events).toMatchObject([
    {
      action: 'webhook',
      tenantId: 'acme',
      provider: 'twilio',
      outcome: 'ok',
      fields: ['authToken'],
      actor: 'webhooks',
    },
  ]);
});

it('leaves two events for a minute of forged ones, and never says that credentials were used', async () => {
  const { events, post } = await trail();
  for (let n = 0; n < 25; n++) await post({ signature: 'forged' });
  const refused = { action: 'webhook', outcome: 'refused', code: 'signature_mismatch' };
  expect(events).toMatchObject([refused]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(events).toMatchObject([refused, { ...refused, count: 24 }]);
  expect(events.filter(({ outcome }) => outcome === 'ok')).toEqual([]);

  await vi.advanceTimersByTimeAsync(60_000);
  expect(events).toHaveLength(2); // nothing since
  await post({ signature: 'forged' });
  expect(events).toHaveLength(3);
});

it('sums up each tenant for itself, and names no tenant that is refused', async () => {
  const { events, post } = await trail();
  await post({ signature: 'forged' });
  await expect(post({ tenantId: 'globex' })).rejects.toMatchObject({ code: 'ERR_NOT_CONFIGURED' });
  for (const tenantId of [{ $ne: null }, undefined, 'a\nb']) {
    await expect(post({ tenantId })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  }
  expect(events.map(({ tenantId, code }) => [tenantId, code])).toEqual([
    ['acme', 'signature_mismatch'],
    ['globex', 'ERR_NOT_CONFIGURED'],
    ['(invalid)', 'ERR_INVALID_ARGUMENT'],
  ]);
});

it('says failed, not refused, while the store cannot be reached', async () => {
  const { events, post, faulty } = await trail();
  faulty.fail('get', 'before');
  await expect(post()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  expect(events).toMatchObject([{ action: 'webhook', outcome: 'failed' }]);
});

it("audits SendGrid's webhooks in the same way", async () => {
  const { vault, events } = await trail();
  const webhook = { tenantId: 'acme', signature: 'x', timestamp: '1', rawBody: '' };
  await expect(verifySendGridWebhook(vault, webhook)).rejects.toMatchObject({
    code: 'ERR_NOT_CONFIGURED',
  });
  expect(events).toMatchObject([
    { action: 'webhook', provider: 'sendgrid', outcome: 'refused', code: 'ERR_NOT_CONFIGURED' },
  ]);
});

it('bounds the events of a flood that names a tenant of its own each time', async () => {
  const { events, post } = await trail();
  for (let n = 0; n < 3_000; n++) await post({ tenantId: `random-${n}` }).catch(() => undefined);
  expect(events.length).toBeLessThanOrEqual(1_001);
  expect(events.at(-1)).toMatchObject({ tenantId: '*', outcome: 'refused' });
});

it('records one event a minute while a flood lasts', async () => {
  const { events, post } = await trail();
  for (let minute = 0; minute < 3; minute++) {
    for (let n = 0; n < 10; n++) await post({ signature: 'forged' });
    await vi.advanceTimersByTimeAsync(60_000);
  }
  expect(events.map(({ count }) => count)).toEqual([undefined, 9, 10, 10]);
});

it('records what is summed up when the vault is closed', async () => {
  const { vault, events, post } = await trail();
  for (let n = 0; n < 5; n++) await post({ signature: 'forged' });
  await vault.close();
  expect(events.map(({ count }) => count)).toEqual([undefined, 4]);
});

it('refuses a forged webhook also while a strict sink cannot be reached, and accepts none', async () => {
  const away = { write: () => Promise.reject(new Error('away')) };
  const { faulty, keys } = audited();
  const writer = new SecretsVault({ store: faulty.store, keys });
  await writer.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
  const vault = new SecretsVault({
    store: faulty.store,
    keys,
    audit: { sink: away, mode: 'strict' },
  });
  const webhook = { tenantId: 'acme', env: {}, url };
  const forged = await verifyTwilioWebhook(vault, { ...webhook, signature: 'A'.repeat(28) });
  expect(forged).toEqual({ ok: false, reason: 'signature_mismatch' });
  await expect(verifyTwilioWebhook(vault, { ...webhook, signature })).rejects.toMatchObject({
    code: 'ERR_STORE_FAILED',
  });
});

it('says where a token came from that is not stored', async () => {
  const { events, post } = await trail();
  const env = { TWILIO_ACCOUNT_SID: accountSid(1), TWILIO_AUTH_TOKEN: authToken(1) };
  await post({ tenantId: 'default', env });
  expect(events).toMatchObject([{ action: 'webhook', outcome: 'ok', source: 'environment' }]);
});

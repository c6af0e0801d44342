import { verifySendGridWebhook, verifyTwilioWebhook } from 'provider-vault';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { accountSid, authToken, memoryVault } from '../../support/fixtures.ts';

const MIB = 1024 * 1024;
const url = 'https://crm.example/sms';
const tooLarge = { ok: false, reason: 'too_large' };

const { vault } = memoryVault();
await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
const verify = (options: object) =>
  verifyTwilioWebhook(vault, { tenantId: 'acme', env: {}, signature: 'forged', url, ...options });
const signed = (params: Record<string, string | string[]>) => ({
  signature: twilio.getExpectedTwilioSignature(authToken(1), url, params),
});

/** The shortest of several: what else the machine does is no part of it. */
async function milliseconds(use: () => Promise<unknown>): Promise<number> {
  let shortest = Infinity;
  for (let n = 0; n < 8; n++) {
    const start = performance.now();
    await use();
    shortest = Math.min(shortest, performance.now() - start);
  }
  return shortest;
}

describe('what an unauthenticated caller sends to verifyTwilioWebhook', () => {
  it('costs no more than a few readings of the body', async () => {
    const rawBody = 'a&'.repeat(50_000);
    const readOnce = () => Promise.resolve([...new URLSearchParams(rawBody)].length);
    await readOnce(); // compiled
    const linear = await milliseconds(readOnce);
    expect(await verify({ rawBody })).toEqual(tooLarge);
    expect(await milliseconds(() => verify({ rawBody }))).toBeLessThan(10 * linear + 50);
  });

  it('costs little within the limits too', async () => {
    // all of one name, and all different
    for (const pair of [() => 'a=1', (n: number) => `n${n}=1`]) {
      const rawBody = Array.from({ length: 1_000 }, (_, n) => pair(n)).join('&');
      expect(await verify({ rawBody })).toMatchObject({ reason: 'signature_mismatch' });
      expect(await milliseconds(() => verify({ rawBody }))).toBeLessThan(200);
    }
  });

  it.each<[string, object]>([
    ['a raw body over 1 MiB', { rawBody: `a=${'x'.repeat(MIB)}` }],
    ['the same in bytes', { rawBody: new Uint8Array(MIB + 1) }],
    ['a text of fewer characters than bytes', { rawBody: 'ü'.repeat(MIB / 2 + 1) }],
    ['1,001 parameters', { rawBody: Array(1_001).fill('a').join('&') }],
    ['1,001 parsed parameters', { params: Object.fromEntries(Array(1_001).entries()) }],
    ['1,001 values of one parameter', { params: { a: Array(1_001).fill('') } }],
    ['a parameter over 1 MiB', { params: { a: 'x'.repeat(MIB + 1) } }],
    ['values over 1 MiB together', { params: { a: Array(3).fill('x'.repeat(MIB / 2)) } }],
    ['a long signature', { signature: 'x'.repeat(10_000) }],
    ['a long URL', { url: `${url}?${'x'.repeat(20_000)}` }],
  ])('refuses %s', async (_what, options) => {
    expect(await verify(options)).toEqual(tooLarge);
  });

  it('accepts 1,000 parameters', async () => {
    const params = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`n${n}`, `${n}`]));
    const rawBody = new URLSearchParams(params).toString();
    expect(await verify({ rawBody, ...signed(params) })).toMatchObject({ ok: true });
    expect(await verify({ params, ...signed(params) })).toMatchObject({ ok: true });
  });

  it('asks neither the store nor the keys for a body that is too large', async () => {
    const away = memoryVault();
    away.store.get = () => Promise.reject(new Error('asked'));
    const rawBody = new Uint8Array(MIB + 1);
    const options = { tenantId: 'acme', env: {}, signature: 'x', url, rawBody };
    expect(await verifyTwilioWebhook(away.vault, options)).toEqual(tooLarge);
  });
});

it.each<[string, object]>([
  ['a body over 1 MiB', { rawBody: new Uint8Array(MIB + 1) }],
  ['a long signature', { signature: 'x'.repeat(10_000) }],
  ['a long timestamp', { timestamp: '1'.repeat(10_000) }],
])('verifySendGridWebhook refuses %s', async (_what, options) => {
  const webhook = { tenantId: 'acme', signature: 'x', timestamp: '1', rawBody: '', ...options };
  expect(await verifySendGridWebhook(vault, webhook)).toEqual(tooLarge);
});

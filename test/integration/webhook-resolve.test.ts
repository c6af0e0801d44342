import { createHash } from 'node:crypto';
import { verifyTwilioWebhook } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { audited } from '../support/audited.ts';
import { accountSid, authToken, rejection } from '../support/fixtures.ts';
import { twilioSignature } from '../support/twilio-signature.ts';

const url = 'https://crm.example/twilio';
const [numberA, numberB] = ['+14155550101', '+14155550102'];
const inbound = (to: string, account = accountSid(1)) => ({
  AccountSid: account,
  SmsStatus: 'received',
  From: '+14155559999',
  To: to,
  Body: 'hi',
});

function setUp() {
  const made = audited();
  const { vault } = made;
  const account = (n: number, more: object = {}, token = authToken(n)) =>
    ({ accountSid: accountSid(n), authToken: token, ...more }) as object;
  const resolve = (params: Record<string, string>, token = authToken(1), options: object = {}) =>
    verifyTwilioWebhook(vault, {
      resolve: true,
      env: {},
      signature: twilioSignature(token, url, params),
      url,
      params,
      ...options,
    });
  return { ...made, account, resolve };
}

describe('verifyTwilioWebhook with resolve', () => {
  it('names the tenant of the account, once its own token matches', async () => {
    const { vault, account, resolve, events } = setUp();
    await vault.put('a', 'twilio', account(1));
    await vault.put('b', 'twilio', account(2));
    events.length = 0;
    const valid = { ok: true, reason: 'valid', matched: 'primary' };
    expect(await resolve(inbound(numberA))).toEqual({ ...valid, tenantId: 'a' });
    expect(await resolve(inbound(numberA, accountSid(2)), authToken(2))).toEqual({
      ...valid,
      tenantId: 'b',
    });
    expect(
      events.map(({ tenantId, action, outcome }) => `${tenantId} ${action} ${outcome}`),
    ).toEqual(['a webhook ok', 'b webhook ok']);
    // An account that names another tenant's account cannot sign for it.
    expect(await resolve(inbound(numberA, accountSid(2)), authToken(1))).toEqual({
      ok: false,
      reason: 'signature_mismatch',
    });
    expect(await resolve(inbound(numberA, accountSid(3)))).toMatchObject({
      reason: 'unknown_tenant',
    });
    expect(events.slice(2).map(({ tenantId, code }) => `${tenantId} ${code}`)).toEqual([
      '* signature_mismatch',
    ]);
  });

  it('tells two tenants with one account apart by their number, and otherwise names both', async () => {
    const { vault, account, resolve, events } = setUp();
    await vault.put('a', 'twilio', account(1, { phoneNumber: numberA }));
    await vault.put('b', 'twilio', account(1, { phoneNumber: '+1 415 555 0102' }));
    expect(await resolve(inbound(numberA))).toMatchObject({ ok: true, tenantId: 'a' });
    expect(await resolve(inbound(numberB))).toMatchObject({ ok: true, tenantId: 'b' });
    expect(await resolve(inbound(`whatsapp:${numberB}`))).toMatchObject({ tenantId: 'b' });
    const status = { ...inbound('+14155559999'), SmsStatus: 'delivered', From: numberB };
    expect(await resolve(status)).toMatchObject({ tenantId: 'b' });
    const call = { ...status, Direction: 'outbound-api', From: numberA };
    expect(await resolve(call)).toMatchObject({ tenantId: 'a' });
    // One tenant writes to the other: the number that received it decides.
    expect(await resolve({ ...inbound(numberA), From: numberB })).toMatchObject({ tenantId: 'a' });

    events.length = 0;
    const unknown = await resolve(inbound('+14155550103'));
    expect(unknown).toEqual({ ok: true, reason: 'valid', tenantIds: ['a', 'b'] });
    expect(events.map(({ tenantId }) => tenantId)).toEqual(['a', 'b']);
  });

  it('follows a number that moved', async () => {
    const { vault, account, resolve } = setUp();
    await vault.put('a', 'twilio', account(1, { phoneNumber: numberA }));
    await vault.put('b', 'twilio', account(1));
    await vault.patch('a', 'twilio', { phoneNumber: numberB });
    await vault.patch('b', 'twilio', { phoneNumber: numberA });
    expect(await resolve(inbound(numberA))).toMatchObject({ tenantId: 'b' });
    // To another account: the old owner's number narrows nothing.
    await vault.put('c', 'twilio', account(2, { phoneNumber: numberB }));
    expect(await resolve(inbound(numberB, accountSid(2)), authToken(2))).toMatchObject({
      tenantId: 'c',
    });
  });

  it('tries the token of each, and skips those that cannot be opened or have none', async () => {
    const { vault, account, resolve, faulty } = setUp();
    await vault.put('a', 'twilio', account(1, {}, authToken(5)));
    await vault.put('b', 'twilio', account(1, { authTokenSecondary: authToken(6) }));
    await vault.put('c', 'twilio', { accountSid: accountSid(1) });
    await vault.put('d', 'twilio', account(1));
    const { store } = faulty;
    const damaged = await store.get({ tenantId: 'd', provider: 'twilio' });
    const { data = '' } = damaged ?? {};
    const broken = { ...damaged, data: `${data.slice(0, -8)}AAAAAAA=` };
    expect(await store.put(broken as never, data.slice(0, 16))).toBe(true);
    expect(await resolve(inbound(numberA))).toMatchObject({ ok: true, tenantId: 'b' });
    expect(await resolve(inbound(numberA), authToken(6))).toMatchObject({
      tenantId: 'b',
      matched: 'secondary',
    });
    expect(await resolve(inbound(numberA), authToken(5))).toMatchObject({ tenantId: 'a' });

    await vault.delete('a', 'twilio');
    await vault.delete('b', 'twilio');
    expect(await resolve(inbound(numberA))).toEqual({ ok: false, reason: 'unknown_tenant' });
  });

  it('believes what was sealed, not the digests beside it', async () => {
    const { vault, account, resolve, faulty } = setUp();
    await vault.put('a', 'twilio', account(1));
    // The same token, another account: only the digest, which is not sealed, says account 1.
    await vault.put('thief', 'twilio', account(2, {}, authToken(1)));
    const { store } = faulty;
    const [victim, thief] = await Promise.all(
      ['a', 'thief'].map((tenantId) => store.get({ tenantId, provider: 'twilio' })),
    );
    const metadata = { ...thief?.metadata, lookup: victim?.metadata?.lookup };
    const changed = { ...thief, metadata } as never;
    expect(await store.put(changed, thief?.data.slice(0, 16) ?? '')).toBe(true);
    expect(await resolve(inbound(numberA))).toMatchObject({ ok: true, tenantId: 'a' });
  });

  it('opens at most ten candidates', async () => {
    const { vault, account, resolve, faulty } = setUp();
    for (let n = 0; n < 10; n++) await vault.put(`t${n}`, 'twilio', account(1));
    expect((await resolve(inbound(numberA))).tenantIds).toHaveLength(10);
    await vault.put('t10', 'twilio', account(1, { phoneNumber: numberA }));
    faulty.calls.length = 0;
    expect(await resolve(inbound(numberB))).toEqual({ ok: false, reason: 'ambiguous_tenant' });
    expect(faulty.calls).toEqual(['find', 'find', 'find']);
    expect(await resolve(inbound(numberA))).toMatchObject({ ok: true, tenantId: 't10' });
  });

  it('finds the account in a raw form, in the query of a GET, and in a JSON body', async () => {
    const { vault, account, resolve } = setUp();
    await vault.put('a', 'twilio', account(1));
    const form = inbound(numberA);
    const rawBody = new URLSearchParams(form).toString();
    expect(await resolve(form, authToken(1), { params: undefined, rawBody })).toMatchObject({
      tenantId: 'a',
    });
    const query = `${url}?${rawBody}`;
    const signature = twilioSignature(authToken(1), query, {});
    expect(
      await resolve({}, authToken(1), { url: query, signature, params: undefined }),
    ).toMatchObject({ tenantId: 'a' });
    const json = JSON.stringify({ AccountSid: accountSid(1), text: 'hi' });
    const hashed = `${url}?bodySHA256=${createHash('sha256').update(json).digest('hex')}`;
    const options = {
      url: hashed,
      signature: twilioSignature(authToken(1), hashed, {}),
      rawBody: json,
    };
    expect(await resolve({}, authToken(1), { ...options, params: undefined })).toMatchObject({
      tenantId: 'a',
    });
    expect(
      await resolve({}, authToken(1), { ...options, params: undefined, rawBody: `${json} ` }),
    ).toEqual({ ok: false, reason: 'body_mismatch' });
  });

  it('refuses before it asks the store, and never throws for input from HTTP', async () => {
    const { vault, account, resolve, faulty } = setUp();
    await vault.put('a', 'twilio', account(1));
    faulty.calls.length = 0;
    for (const [options, reason] of [
      [{ signature: undefined }, 'missing_signature'],
      [{ signature: 'x'.repeat(2_000) }, 'too_large'],
      [{ params: undefined, rawBody: 'a&'.repeat(2_000) }, 'too_large'],
      [{ params: { AccountSid: { $ne: null } } }, 'unknown_tenant'],
      [{ params: { AccountSid: [{}, 'x'] } }, 'unknown_tenant'],
      [{ params: { AccountSid: `${accountSid(1)}'` } }, 'unknown_tenant'],
      [{ params: [] }, 'unknown_tenant'],
      [{ params: 'text' }, 'unknown_tenant'],
      [
        { params: undefined, rawBody: '[[[['.repeat(1000), url: `${url}?bodySHA256=x` },
        'unknown_tenant',
      ],
    ] as const) {
      expect(await resolve(inbound(numberA), authToken(1), options)).toEqual({ ok: false, reason });
    }
    expect(faulty.calls).toEqual([]);
  });

  it('takes the environment for tenant default, and no other', async () => {
    const { vault, account, resolve } = setUp();
    await vault.put('default', 'twilio', account(1));
    await vault.put('b', 'twilio', account(3));
    const env = { TWILIO_ACCOUNT_SID: accountSid(2), TWILIO_AUTH_TOKEN: authToken(2) };
    expect(await resolve(inbound(numberA, accountSid(2)), authToken(2), { env })).toMatchObject({
      tenantId: 'default',
    });
    expect(await resolve(inbound(numberA), authToken(1), { env })).toMatchObject({
      reason: 'unknown_tenant',
    });
    const incomplete = { env: { TWILIO_AUTH_TOKEN: authToken(2) } };
    expect(await resolve(inbound(numberA, accountSid(3)), authToken(3), incomplete)).toMatchObject({
      tenantId: 'b',
    });
    expect(await resolve(inbound(numberA), authToken(1), incomplete)).toMatchObject({ ok: false });
  });

  it('is refused with a tenant id, with `envOverride: "all"`, and without a key', async () => {
    const { vault, resolve } = setUp();
    for (const options of [
      { tenantId: 'a' },
      { tenantId: undefined },
      { envOverride: 'all' },
      { resolve: 'yes' },
    ]) {
      const error = await rejection(resolve(inbound(numberA), authToken(1), options));
      expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    await vault.close();
  });

  it('is an error while the store cannot be reached: the provider sends again', async () => {
    const { vault, account, resolve, faulty } = setUp();
    await vault.put('a', 'twilio', account(1));
    faulty.fail('find', 'before');
    expect(await rejection(resolve(inbound(numberA)))).toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
    faulty.fail('getMany', 'before');
    expect(await rejection(resolve(inbound(numberA)))).toMatchObject({
      code: 'ERR_STORE_UNAVAILABLE',
    });
  });
});

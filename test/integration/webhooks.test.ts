import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { verifySendGridWebhook, verifyTwilioWebhook } from 'provider-vault';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  uncheckedSendgrid,
} from '../support/fixtures.ts';

const { getExpectedTwilioSignature } = twilio as unknown as {
  getExpectedTwilioSignature(token: string, url: string, params: object): string;
};

describe('verifyTwilioWebhook', () => {
  const url = 'https://crm.example/voice?tenant=one';
  const params = { CallSid: 'CA1', From: '+1415', Digits: ['2', '1', '2'], Body: 'ümlaut 東京' };
  const signature = getExpectedTwilioSignature(authToken(1), url, params);

  async function verify(options: object, extra: object = {}) {
    const { vault } = memoryVault();
    const fields = { accountSid: accountSid(1), authToken: authToken(1), ...extra };
    await vault.put('one', 'twilio', fields);
    return verifyTwilioWebhook(vault, {
      tenantId: 'one',
      env: {},
      signature,
      url,
      params,
      ...options,
    });
  }

  it('accepts what the official SDK signs and validates', async () => {
    expect(twilio.validateRequest(authToken(1), signature, url, params)).toBe(true);
    expect(await verify({})).toEqual({ ok: true, reason: 'valid', matched: 'primary' });
  });

  it('accepts the secondary token, and says so', async () => {
    const other = getExpectedTwilioSignature(authToken(2), url, params);
    expect(await verify({ signature: other }, { authTokenSecondary: authToken(2) })).toEqual({
      ok: true,
      reason: 'valid',
      matched: 'secondary',
    });
    expect(await verify({ signature: other })).toEqual({ ok: false, reason: 'signature_mismatch' });
  });

  it.each(['https://crm.example:443/voice?tenant=one', 'https://crm.example/voice?tenant=one'])(
    'accepts a URL with and without the standard port: %s',
    async (given) => {
      for (const signed of [
        'https://crm.example/voice?tenant=one',
        'https://crm.example:443/voice?tenant=one',
      ]) {
        const of = getExpectedTwilioSignature(authToken(1), signed, params);
        expect(await verify({ url: given, signature: of })).toMatchObject({ ok: true });
      }
    },
  );

  it('reads a form from its raw body', async () => {
    const form = { A: '1', B: ['x', 'y'] };
    const of = getExpectedTwilioSignature(authToken(1), url, form);
    const rawBody = 'B=x&A=1&B=y';
    expect(await verify({ params: undefined, rawBody, signature: of })).toMatchObject({ ok: true });
    expect(
      await verify({ params: undefined, rawBody: Buffer.from(`${rawBody}&C=1`), signature: of }),
    ).toMatchObject({ ok: false });
  });

  it('checks a JSON body by the digest in the URL, as the official SDK does', async () => {
    const rawBody = '{"event":"ended"}';
    const digest = createHash('sha256').update(rawBody).digest('hex');
    const withDigest = `https://crm.example/json?bodySHA256=${digest}`;
    const of = getExpectedTwilioSignature(authToken(1), withDigest, {});
    expect(twilio.validateRequestWithBody(authToken(1), of, withDigest, rawBody)).toBe(true);
    const json = { url: withDigest, signature: of, params: undefined };
    expect(await verify({ ...json, rawBody })).toMatchObject({ ok: true });
    expect(await verify({ ...json, rawBody: `${rawBody} ` })).toEqual({
      ok: false,
      reason: 'body_mismatch',
    });
    // the signature of such a URL says nothing about a body that was not given
    expect(await verify(json)).toEqual({ ok: false, reason: 'missing_body' });
  });

  it.each([
    [{ signature: undefined }, 'missing_signature'],
    [{ signature: ['a', 'b'] }, 'missing_signature'],
    [{ signature: 'short' }, 'signature_mismatch'],
    [{ url: 'https://evil.example/voice?tenant=one' }, 'signature_mismatch'],
    [{ params: { ...params, From: '+1416' } }, 'signature_mismatch'],
    [{ params: { ...params, Extra: '' } }, 'signature_mismatch'],
  ])('refuses %j', async (options, reason) => {
    expect(await verify(options)).toEqual({ ok: false, reason });
  });

  it('judges what strangers send, and never throws for it', async () => {
    const stranger = `${url}&bodySHA256=1`;
    expect(await verify({ url: stranger })).toEqual({ ok: false, reason: 'missing_body' });
    for (const options of [{ params: { a: { $ne: 1 } } }, { params: 'a=b' }, { url: 'https://' }]) {
      expect(await verify(options as never)).toEqual({ ok: false, reason: 'signature_mismatch' });
    }
  });

  it('refuses a URL that is none', async () => {
    for (const options of [{ url: '/voice' }, { url: undefined }]) {
      await expect(verify(options)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
  });

  it('needs the auth token: an API key signs no webhooks', async () => {
    const { vault } = memoryVault();
    const key = { accountSid: accountSid(1), apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
    await vault.put('one', 'twilio', key);
    await expect(
      verifyTwilioWebhook(vault, { tenantId: 'one', env: {}, signature, url, params }),
    ).rejects.toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringContaining('authToken'),
    });
  });
});

describe('verifySendGridWebhook', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const webhookPublicKey = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const now = new Date('2030-01-01T00:00:00Z');
  const timestamp = String(now.getTime() / 1000);
  const rawBody = Buffer.from('[{"email":"a@example.com",  "event":"open"}]\r\n');
  const signOf = (time: string, body: Buffer) =>
    sign('sha256', Buffer.concat([Buffer.from(time), body]), {
      key: privateKey,
      dsaEncoding: 'der',
    }).toString('base64');
  const signature = signOf(timestamp, rawBody);

  async function verify(options: object, key = webhookPublicKey) {
    const { vault } = memoryVault({ now: () => now });
    await vault.put('one', uncheckedSendgrid, { webhookPublicKey: key });
    return verifySendGridWebhook(vault, {
      tenantId: 'one',
      signature,
      timestamp,
      rawBody,
      ...options,
    });
  }

  it('accepts a genuine message, as bytes and as text', async () => {
    expect(await verify({})).toEqual({ ok: true, reason: 'valid' });
    expect(await verify({ rawBody: rawBody.toString() })).toMatchObject({ ok: true });
  });

  it('accepts a message signed by openssl', async () => {
    // A key pair that was made for this test, and is used nowhere.
    const vector = {
      key: 'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8G1U6wYIZ+S8c4TPzdHcA2QSEiUa57/sezUqzL1AuuNDWkGzbR1qDkid0FKF+WqZltdMJqYARBxUwpEK4Bwwpg==',
      timestamp: '1893456000',
      body: '[{"event":"open"}]\r\n',
      signature:
        'MEYCIQDkiShU72B6IvhSZTW1mCJJp/s6q/atC6t1wzkGfSXkJAIhAOLbyDj3LOiYb8ZUCOLdZPYJYmze6cPHKYJRgrPsE1iB',
    };
    expect(
      await verify(
        { signature: vector.signature, timestamp: vector.timestamp, rawBody: vector.body },
        vector.key,
      ),
    ).toEqual({ ok: true, reason: 'valid' });
  });

  it.each([
    [{ signature: undefined }, 'missing_signature'],
    [{ signature: 'not base64!' }, 'malformed_signature'],
    [{ signature: Buffer.alloc(70).toString('base64') }, 'signature_mismatch'],
    [{ timestamp: undefined }, 'missing_timestamp'],
    [{ timestamp: `${timestamp}0` }, 'signature_mismatch'],
    [{ rawBody: JSON.stringify(JSON.parse(rawBody.toString())) }, 'signature_mismatch'],
  ])('refuses %j', async (options, reason) => {
    expect(await verify(options)).toEqual({ ok: false, reason });
  });

  it.each([-301, 301])('refuses a message of %i seconds from now', async (seconds) => {
    const time = String(Number(timestamp) + seconds);
    const late = { timestamp: time, signature: signOf(time, rawBody) };
    expect(await verify(late)).toEqual({ ok: false, reason: 'timestamp_out_of_range' });
    expect(await verify({ ...late, toleranceSeconds: 301 })).toMatchObject({ ok: true });
  });

  it('refuses a parsed body, and a malformed stored key', async () => {
    await expect(verify({ rawBody: [{ event: 'open' }] })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining('an array'),
    });
    await expect(verify({}, 'AAAA')).rejects.toMatchObject({ code: 'ERR_MALFORMED' });
  });
});

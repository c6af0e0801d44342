import { readFileSync } from 'node:fs';
import { type TwilioWebhookOptions, verifyTwilioWebhook } from 'provider-vault';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
} from '../../support/fixtures.ts';

interface Signed {
  readonly name: string;
  readonly url: string;
  readonly signature: string;
  readonly params?: Record<string, string | string[]>;
  readonly rawBody?: string;
}
const vectors: { readonly authToken: string; readonly signed: readonly Signed[] } = JSON.parse(
  readFileSync('test/vectors/twilio-webhook.json', 'utf8'),
);

async function vaultWith(fields: Record<string, string>) {
  const { vault } = memoryVault();
  await vault.put('acme', 'twilio', { accountSid: accountSid(1), ...fields });
  const verify = (options: Omit<TwilioWebhookOptions, 'tenantId' | 'env'>) =>
    verifyTwilioWebhook(vault, { tenantId: 'acme', env: {}, ...options });
  return { vault, verify };
}
const { verify } = await vaultWith({ authToken: vectors.authToken });
const bodyOf = ({ params, rawBody }: Signed) =>
  rawBody === undefined ? { params: params ?? {} } : { rawBody };

describe('a request signed by an independent implementation', () => {
  it.each(vectors.signed)('$name', async (signed) => {
    const { url, signature } = signed;
    const verdict = await verify({ url, signature, ...bodyOf(signed) });
    expect(verdict).toEqual({ ok: true, reason: 'valid', matched: 'primary' });

    const official =
      signed.rawBody === undefined
        ? twilio.validateRequest(vectors.authToken, signature, url, signed.params ?? {})
        : twilio.validateRequestWithBody(vectors.authToken, signature, url, signed.rawBody);
    expect(official).toBe(true);
  });

  it.each(vectors.signed)('$name, altered: refused', async (signed) => {
    const { url, signature } = signed;
    const body = bodyOf(signed);
    const altered = [
      { ...body, url: url.replace('com', 'org').replace('::1', '::2'), signature },
      { ...body, url, signature: signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')) },
      { ...body, url, signature: `${signature}=` },
      'params' in body
        ? { params: { ...body.params, Added: '1' }, url, signature }
        : { rawBody: `${body.rawBody} `, url, signature },
    ];
    for (const options of altered) {
      expect(await verify(options)).toMatchObject({
        ok: false,
        reason: expect.stringMatching(/^(signature|body)_mismatch$/),
      });
    }
  });
});

describe('as the official validator', () => {
  const urls = [
    'https://example.com',
    'https://example.com:443/a?b=c',
    'http://example.com/a b?c=d e',
    "https://user:p'w@example.com/a?b='c'&b=%27#frag",
    'https://example.com/?empty',
    'https://EXAMPLE.com/%7Ea?x=%C3%A9é',
    'https://[2001:db8::1]:8443/x',
  ];
  const forms = [{}, { a: '1', B: '2', b: ['2', '1', '2'] }, { 'x y': 'ü', '': 'empty name' }];

  it.each(urls)('%s', async (url) => {
    for (const params of forms) {
      const token = vectors.authToken;
      // every string that may have been signed: the validator's answer is ours, yes or no
      const signedUrls = [url, url.replace(/:(443|8443)/, ''), new URL(url).href, `${url}x`];
      for (const signedUrl of signedUrls) {
        const signature = twilio.getExpectedTwilioSignature(token, signedUrl, params);
        const { ok } = await verify({ url, signature, params });
        expect(ok, signedUrl).toBe(twilio.validateRequest(token, signature, url, params));
      }
    }
  });
});

it('takes the same parts of a raw form as of a parsed one', async () => {
  for (const { url, signature, params } of vectors.signed) {
    if (params === undefined) continue;
    const pairs = Object.entries(params).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one]),
    );
    const rawBody = new URLSearchParams(pairs).toString();
    for (const body of [rawBody, new TextEncoder().encode(rawBody)]) {
      expect(await verify({ url, signature, rawBody: body })).toMatchObject({ ok: true });
    }
  }
});

it('has one source for a tenant, whatever the credentials are for', async () => {
  const { vault } = await vaultWith({ authToken: authToken(1) });
  await vault.put('default', 'twilio', { accountSid: accountSid(2), authToken: authToken(2) });
  const url = 'https://example.com/';
  const signature = twilio.getExpectedTwilioSignature(authToken(2), url, {});
  const key = { TWILIO_API_KEY: apiKeySid(9), TWILIO_API_SECRET: apiSecret(9) };
  // the lever is pulled, but not far enough: nothing is taken from the vault
  const half = verifyTwilioWebhook(vault, { env: key, url, signature });
  await expect(half).rejects.toMatchObject({ code: 'ERR_ENV_INCOMPLETE' });
  // far enough to send, and without a token for webhooks
  const env = { ...key, TWILIO_ACCOUNT_SID: accountSid(9) };
  await expect(verifyTwilioWebhook(vault, { env, url, signature })).rejects.toMatchObject({
    code: 'ERR_NOT_CONFIGURED',
    message: expect.stringMatching(/authToken missing.*the environment, which overrides/),
  });
});

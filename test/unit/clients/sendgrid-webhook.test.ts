import { readFileSync } from 'node:fs';
import { verifySendGridWebhook } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, uncheckedSendgrid } from '../../support/fixtures.ts';

const vectors: {
  readonly publicKey: string;
  readonly otherPublicKey: string;
  readonly p384PublicKey: string;
  readonly timestamp: string;
  readonly signed: readonly { by: string; rawBody: string; signature: string }[];
} = JSON.parse(readFileSync('test/vectors/sendgrid-webhook.json', 'utf8'));
const { publicKey, timestamp } = vectors;

async function verify(options: object, webhookPublicKey = publicKey) {
  const { vault } = memoryVault({ now: () => Number(timestamp) * 1000 });
  await vault.put('acme', uncheckedSendgrid, { webhookPublicKey });
  return verifySendGridWebhook(vault, {
    tenantId: 'acme',
    timestamp,
    ...vectors.signed[0],
    ...options,
  } as Parameters<typeof verifySendGridWebhook>[1]);
}

describe.each(vectors.signed)('signed by $by', ({ rawBody, signature }) => {
  it('is accepted, as text and as bytes', async () => {
    for (const body of [rawBody, new TextEncoder().encode(rawBody)]) {
      expect(await verify({ rawBody: body, signature })).toEqual({ ok: true, reason: 'valid' });
    }
  });

  it('is refused when anything is altered', async () => {
    const mismatch = { ok: false, reason: 'signature_mismatch' };
    expect(await verify({ rawBody: `${rawBody} `, signature })).toEqual(mismatch);
    const later = `${Number(timestamp) + 1}`;
    expect(await verify({ rawBody, signature, timestamp: later })).toEqual(mismatch);
    expect(await verify({ rawBody, signature }, vectors.otherPublicKey)).toEqual(mismatch);
  });
});

it('takes a key of P-256 only, also when it is stored', async () => {
  const { vault } = memoryVault();
  await vault.put('acme', 'sendgrid', { webhookPublicKey: publicKey });
  for (const key of [vectors.p384PublicKey, 'AAAA', `AAAA${publicKey}`, `${publicKey}A`]) {
    await expect(vault.put('acme', 'sendgrid', { webhookPublicKey: key })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  }
  for (const key of [vectors.p384PublicKey, 'AAAA', `AAAA${publicKey}`]) {
    await expect(verify({}, key)).rejects.toMatchObject({ code: 'ERR_MALFORMED' });
  }
});

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { it } from 'vitest';
import { memoryVault, uncheckedSendgrid } from '../support/fixtures.ts';
import { anything, bent, inputs } from '../support/fuzz.ts';
import { sendgridForgeryRefused } from './properties.ts';

it('no webhook of SendGrid is accepted but the one that was signed', async () => {
  const vectors = JSON.parse(readFileSync('test/vectors/sendgrid-webhook.json', 'utf8'));
  const { publicKey: webhookPublicKey, timestamp } = vectors;
  const [signed] = vectors.signed;
  const { vault } = memoryVault({ now: () => Number(timestamp) * 1000 });
  await vault.put('acme', uncheckedSendgrid, { webhookPublicKey });
  const real = { timestamp, rawBody: signed.rawBody, signature: signed.signature };
  const altered = fc
    .tuple(fc.constantFrom('timestamp', 'rawBody', 'signature'), fc.nat(), anything(), fc.boolean())
    .map(([name, at, odd, bend]) => ({
      ...real,
      [name]: bend ? bent(real[name as 'signature'], at) : odd,
    }));
  await fc.assert(
    fc.asyncProperty(altered, async (webhook) => {
      fc.pre(Object.entries(real).some(([name, text]) => webhook[name as 'signature'] !== text));
      await sendgridForgeryRefused(vault, webhook);
    }),
    inputs(1_000),
  );
});

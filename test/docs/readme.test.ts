import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { mongoPlace } from '../support/cli-places.ts';
import { codeBlocks, moduleOf, runModule, typeErrors } from '../support/code-blocks.ts';
import { newKey } from '../support/fixtures.ts';

const markdown = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const blocks = codeBlocks(markdown, 'ts');
const prelude = [
  "import { defineClientFactory, defineProvider, getSendGridClient } from 'provider-vault';",
  "import * as names from './test/docs/readme-names.ts';",
  'const { accountSid, authToken, from, to, subject, text, user, tenantId, Stripe } = names;',
  'const { request, response } = names;',
].join(' ');
const { env } = await mongoPlace();

it('the code of README.md compiles under strict TypeScript', () => {
  expect(blocks).toHaveLength(5);
  const wrong = [...blocks, { code: 'vault.put(1, 2);', line: 1000 }]; // the check must see this one
  const errors = typeErrors({
    'README.ts': moduleOf(blocks, prelude),
    'wrong.ts': moduleOf(wrong, prelude),
  });
  expect(errors).toEqual([expect.stringContaining('wrong.ts:1000: ')]);
});

it('the code of README.md does what it says', async () => {
  // Requests go to the stand-ins; all else is run as it is written.
  const redirected = moduleOf(blocks, prelude)
    .replace(
      "getTwilioClient(vault, { tenantId: 'acme'",
      '$&, client: names.twilioStandIn.clientOptions()',
    )
    .replace(
      "getSendGridClient(vault, { tenantId: 'acme'",
      '$&, baseUrl: names.sendgridStandIn.url',
    )
    .replace('const mail', "await vault.put('acme', 'sendgrid', { apiKey: names.apiKey });\n$&");
  const end = `
    await vault.put('acme', stripe, { secretKey: 'stripe-secret' });
    console.log(JSON.stringify({
      token: token === authToken,
      messages: names.twilioStandIn.messages.map(({ body }) => body),
      mails: names.sendgridStandIn.mails.map(({ subject }) => subject),
      phoneNumber: (await vault.require('acme', 'twilio')).phoneNumber,
      stripe: (await getStripeClient(vault, { tenantId: 'acme' })).secretKey,
    }));
    await Promise.all([client, names.twilioStandIn, names.sendgridStandIn].map((it) => it.close()));
  `;
  const { code, stdout, stderr } = await runModule(redirected + end, {
    ...env,
    APP_ENCRYPTION_KEY: newKey(),
  });
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const lines = stdout.trim().split('\n');
  expect(JSON.parse(lines.pop() ?? '')).toEqual({
    token: true,
    messages: ['Hello'],
    mails: ['Hello'],
    phoneNumber: '+15005550006',
    stripe: 'stripe-secret',
  });
  expect(lines.join(' ')).toMatch(/^Credentials \{\s+accountSid: '\[redacted\]',/);
});

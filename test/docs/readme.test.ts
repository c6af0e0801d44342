import { expect, it } from 'vitest';
import { mongoPlace } from '../support/cli-places.ts';
import { codeBlocks, moduleOf } from '../support/code-blocks.ts';
import { textOf } from '../support/documents.ts';
import { newKey } from '../support/fixtures.ts';
import { runModule } from '../support/run-module.ts';

const shown = moduleOf(codeBlocks(textOf('README.md'), 'ts'));
const { env } = await mongoPlace();

it('the code of README.md does what it says', async () => {
  // Requests go to the stand-ins; all else is run as it is written.
  const redirected = shown
    .replace(
      "getTwilioClient(vault, { tenantId: 'acme'",
      '$&, client: twilioStandIn.clientOptions()',
    )
    .replace("getSendGridClient(vault, { tenantId: 'acme'", '$&, baseUrl: sendgridStandIn.url')
    .replace('const mail', "await vault.put('acme', 'sendgrid', { apiKey });\n$&");
  const end = `
    await vault.put('acme', stripe, { secretKey: 'stripe-secret' });
    console.log(JSON.stringify({
      token: token === authToken,
      messages: twilioStandIn.messages.map(({ body }) => body),
      mails: sendgridStandIn.mails.map(({ subject }) => subject),
      phoneNumber: (await vault.require('acme', 'twilio')).phoneNumber,
      stripe: (await getStripeClient(vault, { tenantId: 'acme' })).secretKey,
    }));
    await Promise.all([client, twilioStandIn, sendgridStandIn].map((it) => it.close()));
  `;
  const { code, stdout, stderr } = await runModule(redirected + end, 'test/docs/names/readme.ts', {
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

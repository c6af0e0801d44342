import type { MailDataRequired, MailService } from '@sendgrid/mail';
import {
  defineClientFactory,
  defineProvider,
  type FieldNameOf,
  getSendGridClient,
  getTwilioClient,
  isVaultError,
  type ProviderError,
  type SecretsVault,
  type SendGridMail,
  twilioProvider,
} from 'provider-vault';
import type { Twilio } from 'twilio';
import { describe, expectTypeOf, it } from 'vitest';

declare const vault: SecretsVault;
declare const error: unknown;
declare const theirMail: MailDataRequired;

const stripe = defineProvider({
  name: 'stripe',
  fields: {
    secretKey: { label: 'Secret key', secret: true },
    webhookSecret: { label: 'Webhook secret', secret: true },
  },
  complete: [['secretKey']],
});

describe('field names', () => {
  it('of a built-in provider are checked', async () => {
    await vault.put('acme', 'twilio', { accountSid: 'a', authToken: 'b', region: 'ie1' });
    // @ts-expect-error: no such field
    await vault.put('acme', 'twilio', { acountSid: 'a' });
    // @ts-expect-error: a value is a string
    await vault.put('acme', 'twilio', { accountSid: 5 });
    await vault.patch('acme', 'twilio', { accountSid: null, authToken: undefined });
    // @ts-expect-error: no such field
    await vault.patch('acme', 'twilio', { token: null });
    const credentials = await vault.require('acme', 'twilio');
    expectTypeOf(credentials.authToken).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: no such field
    credentials.password;
    expectTypeOf<FieldNameOf<'sendgrid'>>().toEqualTypeOf<
      'apiKey' | 'senderEmail' | 'residency' | 'webhookPublicKey'
    >();
  });

  it('of an own definition are checked', async () => {
    await vault.put('acme', stripe, { secretKey: 'a' });
    // @ts-expect-error: no such field
    await vault.put('acme', stripe, { apiKey: 'a' });
    const credentials = await vault.get('acme', stripe);
    expectTypeOf(credentials?.webhookSecret).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: no such field
    credentials?.apiKey;
    expectTypeOf<FieldNameOf<typeof twilioProvider>>().toEqualTypeOf<FieldNameOf<'twilio'>>();
  });

  it('of an unknown provider are any', async () => {
    await vault.put('acme', 'custom', { whatever: 'a' });
    await vault.put('acme', 'custom' as string, { whatever: 'a' });
    const credentials = await vault.get('acme', 'custom');
    expectTypeOf(credentials?.whatever).toEqualTypeOf<string | undefined>();
    // @ts-expect-error: a value is a string
    await vault.put('acme', 'custom', { whatever: { $ne: null } });
  });

  it('of a complete set are those of the definition', () => {
    // @ts-expect-error: no such field
    defineProvider({ name: 'x', fields: { a: { label: 'a', secret: true } }, complete: [['b']] });
  });
});

describe('what a factory builds from', () => {
  it('is a string where every complete set has the field', () => {
    defineClientFactory(stripe, ({ fields }) => {
      expectTypeOf(fields.secretKey).toEqualTypeOf<string>();
      expectTypeOf(fields.webhookSecret).toEqualTypeOf<string | undefined>();
      return {};
    });
    defineClientFactory(twilioProvider, ({ fields }) => {
      expectTypeOf(fields.accountSid).toEqualTypeOf<string>();
      expectTypeOf(fields.authToken).toEqualTypeOf<string | undefined>();
      return {};
    });
  });

  it('gives what the factory returns', () => {
    const getClient = defineClientFactory(stripe, async () => new Map<string, number>());
    expectTypeOf(getClient).returns.resolves.toEqualTypeOf<Map<string, number>>();
  });
});

describe('clients', () => {
  it("are the SDK's", async () => {
    expectTypeOf(getTwilioClient).returns.resolves.toEqualTypeOf<Twilio>();
    await getTwilioClient(vault, { tenantId: 'acme', client: { timeout: 5 } });
    // @ts-expect-error: no such option of the SDK
    await getTwilioClient(vault, { client: { timeoutt: 5 } });
    const service = await getSendGridClient(vault, { residency: 'eu' });
    expectTypeOf(theirMail).toExtend<SendGridMail>();
    await service.send(theirMail);
    expectTypeOf(service).toExtend<MailService>();
    // @ts-expect-error: no such residency
    await getSendGridClient(vault, { residency: 'us' });
  });
});

describe('results', () => {
  it('ERR_PROVIDER is an error with a status', () => {
    if (isVaultError(error, 'ERR_PROVIDER')) expectTypeOf(error).toEqualTypeOf<ProviderError>();
  });
});

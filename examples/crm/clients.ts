import {
  type FieldNameOf,
  getSendGridClient,
  getTwilioClient,
  type SecretsVault,
  type SendGridClientOptions,
  sendgridProvider,
  type TwilioClientOptions,
  testConnection,
  twilioProvider,
} from 'provider-vault';
import type { CrmConfig } from './config.ts';
import { HttpError } from './http/http-error.ts';

/** Where the SDKs send their requests. Empty in production; a demo and tests name stand-ins. */
export type SdkTargets = Pick<TwilioClientOptions, 'client'> &
  Pick<SendGridClientOptions, 'baseUrl'>;

const definitions = { twilio: twilioProvider, sendgrid: sendgridProvider };

/** The official SDK clients of a tenant. Ask for one each time: the library keeps what is valid. */
export function clientsOf(
  vault: SecretsVault,
  { env }: CrmConfig,
  { client, baseUrl }: SdkTargets,
) {
  const twilioOptions = { env, ...(client && { client }) };
  const sendgridOptions = { env, ...(baseUrl && { baseUrl }) };
  return {
    twilio: (tenantId: string) => getTwilioClient(vault, { ...twilioOptions, tenantId }),
    sendgrid: (tenantId: string) => getSendGridClient(vault, { ...sendgridOptions, tenantId }),
    test: (tenantId: string, provider: string) =>
      testConnection(vault, { ...twilioOptions, ...sendgridOptions, tenantId, provider }),

    /** What a tenant entered beside its credentials: a number to send from, a sender. */
    async field<P extends keyof typeof definitions>(
      tenantId: string,
      provider: P,
      name: FieldNameOf<P>,
    ): Promise<string> {
      const value = (await vault.get(tenantId, provider))?.reveal()[name];
      if (value) return value;
      const { label } = (definitions[provider].fields as Record<string, { label: string }>)[
        name
      ] as { label: string };
      throw new HttpError(409, 'ERR_NOT_CONFIGURED', `Enter "${label}" in the settings first.`);
    },
  };
}

export type Clients = ReturnType<typeof clientsOf>;

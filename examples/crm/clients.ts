import {
  type FieldNameOf,
  getSendGridClient,
  getTwilioClient,
  type ProviderDefinition,
  type SecretsVault,
  type SendGridClientOptions,
  sendgridProvider,
  smtpProvider,
  type TwilioClientOptions,
  twilioProvider,
} from 'provider-vault';
import { getMailTransport } from 'provider-vault/mail';
import { connectMessage } from 'provider-vault/settings';
import type { CrmConfig } from './config.ts';
import { HttpError } from './http/http-error.ts';

/** Where the SDKs send their requests. Empty in production; a demo and tests name stand-ins. */
export type SdkTargets = Pick<TwilioClientOptions, 'client'> &
  Pick<SendGridClientOptions, 'baseUrl'>;

const definitions = { twilio: twilioProvider, sendgrid: sendgridProvider, smtp: smtpProvider };

/** The official clients of a tenant. Ask for one each time: the library keeps what is valid. */
export function clientsOf(
  vault: SecretsVault,
  { env, mailboxes }: CrmConfig,
  { client, baseUrl }: SdkTargets,
) {
  const twilioOptions = { env, ...(client && { client }) };
  const sendgridOptions = { env, ...(baseUrl && { baseUrl }) };
  const clients = {
    twilio: (tenantId: string, purpose: 'sms' | 'whatsapp' | 'calls') =>
      getTwilioClient(vault, { ...twilioOptions, tenantId }).catch(
        inWords(twilioProvider, purpose),
      ),
    sendgrid: (tenantId: string) =>
      getSendGridClient(vault, { ...sendgridOptions, tenantId }).catch(
        inWords(sendgridProvider, 'email'),
      ),

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

    /**
     * Sends an e-mail in the tenant's own way: from the mailbox that it has connected, else by its
     * mail server, else by SendGrid. One that fails is not replaced by another: the tenant is told.
     */
    async sendMail(tenantId: string, mail: Mail): Promise<void> {
      const statuses = await vault.status(tenantId, undefined, { env });
      const unused = ['missing', 'incomplete'];
      const isInUse = ({ name }: { readonly name: string }) =>
        statuses.some(({ provider, state }) => provider === name && !unused.includes(state));
      const mailbox = mailboxes.map(({ definition }) => definition).find(isInUse);
      if (mailbox !== undefined) {
        const transport = await getMailTransport(vault, { env, tenantId, provider: mailbox });
        const { account: from } = await vault.require(tenantId, mailbox);
        await transport.sendMail({ ...mail, from });
      } else if (isInUse(smtpProvider)) {
        const transport = await getMailTransport(vault, { env, tenantId });
        await transport.sendMail({
          ...mail,
          from: await clients.field(tenantId, 'smtp', 'fromEmail'),
        });
      } else {
        const sendgrid = await clients.sendgrid(tenantId);
        await sendgrid.send({
          ...mail,
          from: await clients.field(tenantId, 'sendgrid', 'senderEmail'),
        });
      }
    },
  };
  return clients;
}

/** "Connect Twilio in Settings to send texts." */
function inWords(provider: ProviderDefinition, purpose: string): (error: unknown) => never {
  return (error) => {
    const message = connectMessage(error, provider, purpose);
    throw message === undefined ? error : new HttpError(409, 'ERR_NOT_CONFIGURED', message);
  };
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

export type Clients = ReturnType<typeof clientsOf>;

import {
  anthropicProvider,
  geminiProvider,
  openaiProvider,
  type ProviderDefinition,
  sendgridProvider,
  smtpProvider,
  twilioProvider,
} from 'provider-vault';
import { googleMail, microsoft365, type OAuthProvider } from 'provider-vault/oauth';

/** What the settings page shows, in its order. */
export const offeredProviders: readonly ProviderDefinition[] = [
  twilioProvider,
  sendgridProvider,
  smtpProvider,
  openaiProvider,
  anthropicProvider,
  geminiProvider,
];

/** A mailbox that a tenant connects by OAuth. */
export interface Mailbox {
  readonly title: string;
  readonly definition: OAuthProvider;
}

/** The mailboxes that tenants can connect: those at which the CRM is registered as an application. */
export function mailboxesFromEnv(env: NodeJS.ProcessEnv): Mailbox[] {
  const google = appFromEnv(env, 'GOOGLE');
  const microsoft = appFromEnv(env, 'MICROSOFT');
  return [
    ...(google ? [{ title: 'Google Mail', definition: googleMail(google) }] : []),
    ...(microsoft ? [{ title: 'Microsoft 365', definition: microsoft365(microsoft) }] : []),
  ];
}

function appFromEnv(env: NodeJS.ProcessEnv, at: string) {
  const { [`${at}_CLIENT_ID`]: clientId, [`${at}_CLIENT_SECRET`]: clientSecret } = env;
  return clientId && clientSecret ? { clientId, clientSecret } : undefined;
}

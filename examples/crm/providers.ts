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

/** A provider that tenants of this CRM may configure. */
export interface OfferedProvider {
  readonly definition: ProviderDefinition;
  readonly title: string;
  readonly use: string;
  /** Whether `testConnection` knows how to try it. */
  readonly testable: boolean;
  /** Whether a tenant connects it at the provider, in the place of a form with credentials. */
  readonly connect?: boolean;
}

/** A mailbox that a tenant connects by OAuth. */
export interface Mailbox extends OfferedProvider {
  readonly definition: OAuthProvider;
  readonly connect: true;
}

/** What the settings page shows, in its order. The fields come from the definitions. */
export const offeredProviders: readonly OfferedProvider[] = [
  {
    definition: twilioProvider,
    title: 'Twilio',
    use: 'Text messages, WhatsApp and calls',
    testable: true,
  },
  { definition: sendgridProvider, title: 'SendGrid', use: 'E-mail to leads', testable: true },
  { definition: smtpProvider, title: 'SMTP', use: 'Your own mail server', testable: true },
  { definition: openaiProvider, title: 'OpenAI', use: 'Drafts and summaries', testable: true },
  {
    definition: anthropicProvider,
    title: 'Anthropic',
    use: 'Drafts and summaries',
    testable: true,
  },
  { definition: geminiProvider, title: 'Gemini', use: 'Drafts and summaries', testable: true },
];

/** The mailboxes that tenants can connect: those at which the CRM is registered as an application. */
export function mailboxesFromEnv(env: NodeJS.ProcessEnv): Mailbox[] {
  const google = appFromEnv(env, 'GOOGLE');
  const microsoft = appFromEnv(env, 'MICROSOFT');
  return [
    ...(google ? [mailbox('Google Mail', googleMail(google))] : []),
    ...(microsoft ? [mailbox('Microsoft 365', microsoft365(microsoft))] : []),
  ];
}

export function mailbox(title: string, definition: OAuthProvider): Mailbox {
  const use = 'E-mail to leads, from your own mailbox';
  return { definition, title, use, testable: false, connect: true };
}

function appFromEnv(env: NodeJS.ProcessEnv, at: string) {
  const { [`${at}_CLIENT_ID`]: clientId, [`${at}_CLIENT_SECRET`]: clientSecret } = env;
  return clientId && clientSecret ? { clientId, clientSecret } : undefined;
}

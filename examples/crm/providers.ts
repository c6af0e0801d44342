import {
  anthropicProvider,
  geminiProvider,
  openaiProvider,
  type ProviderDefinition,
  sendgridProvider,
  smtpProvider,
  twilioProvider,
} from 'provider-vault';

/** A provider that tenants of this CRM may configure. */
export interface OfferedProvider {
  readonly definition: ProviderDefinition;
  readonly title: string;
  readonly use: string;
  /** Whether `testConnection` knows how to try it. */
  readonly testable: boolean;
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
  { definition: smtpProvider, title: 'SMTP', use: 'Your own mail server', testable: false },
  { definition: openaiProvider, title: 'OpenAI', use: 'Drafts and summaries', testable: false },
  {
    definition: anthropicProvider,
    title: 'Anthropic',
    use: 'Drafts and summaries',
    testable: false,
  },
  { definition: geminiProvider, title: 'Gemini', use: 'Drafts and summaries', testable: false },
];

export function offeredProvider(name: string): OfferedProvider | undefined {
  return offeredProviders.find(({ definition }) => definition.name === name);
}

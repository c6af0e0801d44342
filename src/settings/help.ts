import type { BuiltInProviders } from '../providers/built-in.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';

type FieldPath = {
  [P in keyof BuiltInProviders]: `${P}.${keyof BuiltInProviders[P]['fields'] & string}`;
}[keyof BuiltInProviders];

const texts: { readonly [P in FieldPath]?: string } = {
  'twilio.accountSid': 'Twilio Console, Account Dashboard, under "Account Info".',
  'twilio.authToken':
    'Twilio Console, Account Dashboard, under "Account Info". With an API key it is only needed to verify webhooks.',
  'twilio.authTokenSecondary':
    'Only while you replace the auth token: webhooks signed with either one are accepted.',
  'twilio.apiKey':
    'Twilio Console, Account, "API keys & tokens". Create a standard key; you can revoke it alone.',
  'twilio.apiSecret': 'Twilio shows it once, when the API key is created.',
  'twilio.phoneNumber': 'Twilio Console, Phone Numbers, "Active numbers".',
  'twilio.whatsappNumber': 'Twilio Console, Messaging, Senders, "WhatsApp senders".',
  'twilio.twimlAppSid':
    'Twilio Console, Voice, Manage, "TwiML apps". Calls from the browser go through it.',
  'twilio.agentPhoneNumber': 'Where incoming calls are put through.',
  'twilio.region': 'Only if your account is not in the region us1.',
  'twilio.edge': 'Only if you connect through an edge location of your choice.',
  'sendgrid.apiKey': 'SendGrid, Settings, "API Keys". It needs the permission "Mail Send".',
  'sendgrid.senderEmail':
    'A verified sender or an address of an authenticated domain: Settings, "Sender Authentication".',
  'sendgrid.residency': '"eu" only for an API key of an EU subuser.',
  'sendgrid.webhookPublicKey':
    'SendGrid, Settings, "Mail Settings", "Event Webhook", under "Security features".',
  'smtp.hostname': 'The server for outgoing mail, as your mail provider names it.',
  'smtp.port': '587 with STARTTLS, 465 with TLS from the start.',
  'smtp.username': 'Often the whole e-mail address.',
  'smtp.password': 'Some providers want an app password here, not the password of the mailbox.',
  'openai.apiKey': 'OpenAI Platform, "API keys".',
  'anthropic.apiKey': 'Anthropic Console, "API keys".',
  'gemini.apiKey': 'Google AI Studio, "Get API key".',
};

const helpByPath = new Map<string, string>(Object.entries(texts));

/**
 * Where a user finds the value of a field: what the definition says, or the text for the field of that
 * name of a built-in provider. Those texts are here rather than in the definitions, because only a
 * settings page shows them.
 *
 * @internal
 */
export function fieldHelp({ name, fields }: ProviderDefinition, field: string): string | undefined {
  return fields[field]?.help ?? helpByPath.get(`${name}.${field}`);
}

export type { ClientOptions } from '../clients/credentials.ts';
export type { WebhookReason, WebhookVerification } from '../clients/webhook-result.ts';
export { ProviderError, type ProviderFacts } from '../errors.ts';
export { sendgridProvider } from '../providers/built-in.ts';
export type { SendGridClientOptions } from './build-client.ts';
export { getSendGridClient } from './client.ts';
export type {
  SendGridAddress,
  SendGridAddresses,
  SendGridCallback,
  SendGridMail,
  SendGridMailService,
  SendGridRequestClient,
  SendGridResponse,
} from './types.ts';
export type { SendGridWebhookOptions } from './verify-webhook.ts';
export { verifySendGridWebhook } from './webhook.ts';

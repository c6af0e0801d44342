export type { ClientOptions } from './clients/define-client-factory.ts';
export { getSendGridClient, type SendGridClientOptions } from './clients/sendgrid.ts';
export type {
  SendGridAddress,
  SendGridAddresses,
  SendGridCallback,
  SendGridMail,
  SendGridMailService,
  SendGridRequestClient,
  SendGridResponse,
} from './clients/sendgrid-types.ts';
export { type SendGridWebhookOptions, verifySendGridWebhook } from './clients/sendgrid-webhook.ts';
export type { WebhookReason, WebhookVerification } from './clients/webhook-result.ts';
export { ProviderError, type ProviderFacts } from './errors.ts';
export { sendgridProvider } from './providers/sendgrid.ts';

export type { ClientOptions } from './clients/define-client-factory.ts';
export { ProviderError, type ProviderFacts } from './clients/provider-error.ts';
export { getSendGridClient, type SendGridClientOptions } from './clients/sendgrid.ts';
export type {
  SendGridMail,
  SendGridMailService,
  SendGridRequestClient,
  SendGridResponse,
} from './clients/sendgrid-types.ts';
export { type SendGridWebhookOptions, verifySendGridWebhook } from './clients/sendgrid-webhook.ts';
export type { WebhookReason, WebhookVerification } from './clients/webhook-result.ts';
export { sendgridProvider } from './providers/sendgrid.ts';

export type { ClientOptions } from './clients/define-client-factory.ts';
export { getTwilioClient, type TwilioClientOptions } from './clients/twilio.ts';
export { type TwilioWebhookOptions, verifyTwilioWebhook } from './clients/twilio-webhook.ts';
export { createVoiceToken, type VoiceTokenOptions } from './clients/voice-token.ts';
export type { WebhookReason, WebhookVerification } from './clients/webhook-result.ts';
export { ProviderError, type ProviderFacts } from './errors.ts';
export { twilioProvider } from './providers/twilio.ts';

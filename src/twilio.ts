export type { ClientOptions } from './clients/define-client-factory.ts';
export { getTwilioClient, type TwilioClientOptions } from './clients/twilio.ts';
export { twilioProvider } from './providers/twilio.ts';

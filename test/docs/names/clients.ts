import type { TwilioClient } from 'provider-vault';
import { defineProvider } from 'provider-vault';

export * from './common.ts';

export declare const twilio: TwilioClient;
export declare const rawBody: Buffer;
export const stripe = defineProvider({
  name: 'stripe',
  fields: { secretKey: { label: 'Secret key', secret: true } },
  complete: [['secretKey']],
});

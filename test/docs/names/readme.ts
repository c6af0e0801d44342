// What README.md takes for granted: the reader's own values, and a web framework's request.
import { FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import { sendgridKey, accountSid as sidOf, authToken as tokenOf } from '../../support/fixtures.ts';

export * from 'provider-vault';

export const accountSid = sidOf(1);
export const authToken = tokenOf(1);
export const apiKey = sendgridKey(1);
export const [from, to] = ['+15005550006', '+15005550001'];
export const [subject, text] = ['Hello', 'How are you?'];
export const user = { id: 'user-7' };
export const tenantId = 'acme';

export class Stripe {
  constructor(readonly secretKey: string) {}
}

/** The page sends back the form with a new number, and the etag that it was shown. */
export const request: { body: { fields: Record<string, string | null>; etag: string | null } } = {
  body: { fields: { phoneNumber: from }, etag: null },
};
export const response = {
  json(shown: unknown): void {
    const [twilio] = shown as { provider: string; etag: string | null }[];
    request.body.etag = twilio?.etag ?? null;
  },
};

export const twilioStandIn = await FakeTwilio.start({ accounts: [{ accountSid, authToken }] });
export const sendgridStandIn = await FakeSendGrid.start({ keys: [{ apiKey }] });

import twilio from 'twilio';
import type { FakeTwilio, FakeTwilioAccount } from '../../../src/testing/index.ts';

export const ACME = `AC${'a'.repeat(32)}`;
export const GLOBEX = `AC${'b'.repeat(32)}`;
export const SUSPENDED = `AC${'c'.repeat(32)}`;
export const CLOSED = `AC${'d'.repeat(32)}`;
export const STANDARD_KEY = { sid: `SK${'1'.repeat(32)}`, secret: 'standard'.repeat(4) };
export const MAIN_KEY = {
  sid: `SK${'2'.repeat(32)}`,
  secret: 'main'.repeat(8),
  type: 'main' as const,
};
export const GLOBEX_KEY = { sid: `SK${'3'.repeat(32)}`, secret: 'globex'.repeat(5) };
export const SECONDARY = 'secondary'.repeat(3);
export const tokenOf = (accountSid: string): string =>
  `token-of-${accountSid.slice(2, 3).repeat(23)}`;

export const ACCOUNTS: FakeTwilioAccount[] = [
  {
    accountSid: ACME,
    authToken: tokenOf(ACME),
    authTokenSecondary: SECONDARY,
    apiKeys: [STANDARD_KEY, MAIN_KEY],
    phoneNumbers: ['+15005550006', '+442079460000'],
  },
  { accountSid: GLOBEX, authToken: tokenOf(GLOBEX), apiKeys: [GLOBEX_KEY] },
  { accountSid: SUSPENDED, authToken: tokenOf(SUSPENDED), status: 'suspended' },
  { accountSid: CLOSED, authToken: tokenOf(CLOSED), status: 'closed' },
];

export const SMS = { to: '+15005550100', from: '+15005550006', body: 'Hello' };

/** The official SDK with an auth token, sent to the stand-in. */
export function clientOf(fake: FakeTwilio, accountSid: string, token = tokenOf(accountSid)) {
  return twilio(accountSid, token, fake.clientOptions());
}

/** The official SDK with an API key, sent to the stand-in. */
export function keyClientOf(
  fake: FakeTwilio,
  accountSid: string,
  key: { sid: string; secret: string },
) {
  return twilio(key.sid, key.secret, { accountSid, ...fake.clientOptions() });
}

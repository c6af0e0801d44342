import { inspect } from 'node:util';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { credentialFingerprint } from '../../../src/testing/credential-fingerprint.ts';
import { type FakeTwilio, startFakeTwilio } from '../../../src/testing/fake-twilio.ts';
import {
  ACCOUNTS,
  ACME,
  CLOSED,
  clientOf,
  DUBLIN,
  GLOBEX,
  GLOBEX_KEY,
  keyClientOf,
  MAIN_KEY,
  SMS,
  STANDARD_KEY,
  SUB,
  SUSPENDED,
  tokenOf,
} from './twilio-fixture.ts';

let fake: FakeTwilio;

beforeEach(async () => {
  fake = await startFakeTwilio({ accounts: ACCOUNTS });
});

afterEach(() => fake.close());

describe('credentials', () => {
  const refused = { status: 401, code: 20003, message: 'Authenticate' };

  test('an auth token, the secondary one and an API key open their account', async () => {
    await clientOf(fake, ACME).messages.create(SMS);
    await clientOf(fake, ACME, { token: 'secondary'.repeat(3) }).messages.create(SMS);
    await keyClientOf(fake, ACME, STANDARD_KEY).messages.create(SMS);
    expect(fake.requests).toMatchObject([
      { auth: 'token', username: ACME, credential: credentialFingerprint(tokenOf(ACME)) },
      { auth: 'token', credential: credentialFingerprint('secondary'.repeat(3)) },
      {
        auth: 'apiKey',
        username: STANDARD_KEY.sid,
        accountSid: ACME,
        credential: credentialFingerprint(STANDARD_KEY.secret),
      },
    ]);
  });

  test('a wrong token, another account and another account’s API key do not', async () => {
    const wrong = clientOf(fake, ACME, { token: tokenOf(GLOBEX) });
    await expect(wrong.messages.create(SMS)).rejects.toMatchObject(refused);
    await expect(wrong.api.accounts(ACME).fetch()).rejects.toMatchObject(refused);
    await expect(clientOf(fake, ACME).api.accounts(GLOBEX).fetch()).rejects.toMatchObject(refused);
    await expect(keyClientOf(fake, ACME, GLOBEX_KEY).messages.create(SMS)).rejects.toMatchObject(
      refused,
    );
    const unknown = `AC${'9'.repeat(32)}`;
    await expect(clientOf(fake, unknown, { token: 'x' }).messages.list()).rejects.toMatchObject(
      refused,
    );
    expect(fake.messages).toEqual([]);
    expect(fake.requests.every(({ status }) => status === 401)).toBe(true);
  });

  test('an API key reads the account only if it is a main key', async () => {
    await expect(
      keyClientOf(fake, ACME, STANDARD_KEY).api.accounts(ACME).fetch(),
    ).rejects.toMatchObject(refused);
    expect((await keyClientOf(fake, ACME, MAIN_KEY).api.accounts(ACME).fetch()).sid).toBe(ACME);
    expect(await keyClientOf(fake, ACME, STANDARD_KEY).incomingPhoneNumbers.list()).toHaveLength(3);
  });

  test('a parent’s auth token opens a subaccount, its API key does not', async () => {
    const parent = twilio(ACME, tokenOf(ACME), { accountSid: SUB, ...fake.clientOptions(twilio) });
    expect((await parent.messages.create(SMS)).accountSid).toBe(SUB);
    await expect(keyClientOf(fake, SUB, MAIN_KEY).messages.create(SMS)).rejects.toMatchObject(
      refused,
    );
  });

  test('of a suspended or closed account are refused', async () => {
    await expect(clientOf(fake, SUSPENDED).messages.create(SMS)).rejects.toMatchObject({
      status: 403,
      code: 20005,
      message: 'Account not active',
      moreInfo: 'https://www.twilio.com/docs/errors/20005',
    });
    await expect(clientOf(fake, CLOSED).messages.create(SMS)).rejects.toMatchObject(refused);
  });

  test('of one region are refused in another', async () => {
    await expect(clientOf(fake, DUBLIN).messages.create(SMS)).rejects.toMatchObject(refused);
    await clientOf(fake, DUBLIN, { region: 'ie1', edge: 'dublin' }).messages.create(SMS);
    expect(fake.requests).toMatchObject([
      { host: 'api.twilio.com', region: 'us1' },
      { host: 'api.dublin.ie1.twilio.com', region: 'ie1', edge: 'dublin', status: 201 },
    ]);
    expect(fake.requests[0]).not.toHaveProperty('edge');
  });

  test('are in no record, JSON or inspection of the stand-in', async () => {
    const options = fake.clientOptions(twilio);
    const client = twilio(ACME, tokenOf(ACME), options);
    await client.calls.create({
      to: 'sip:ada@example.com',
      from: SMS.from,
      url: 'https://example.com',
      sipAuthUsername: 'ada',
      sipAuthPassword: 'sip-password',
    });
    await fetch(`${fake.url}/2010-04-01/Accounts/${ACME}.json`, {
      headers: { authorization: `Basic ${btoa(`${tokenOf(ACME)}:${ACME}`)}` },
    });
    const printed = [fake, fake.requests, fake.messages, fake.calls, options].flatMap((value) => [
      JSON.stringify(value),
      inspect(value, { depth: null, showHidden: true }),
    ]);
    for (const text of printed) {
      expect(text).not.toContain(tokenOf(ACME));
      expect(text).not.toContain(Buffer.from(`${ACME}:${tokenOf(ACME)}`).toString('base64'));
      expect(text).not.toContain('sip-password');
      expect(text).not.toContain(STANDARD_KEY.secret);
    }
    expect(inspect(fake)).toBe(
      `FakeTwilio { url: '${fake.url}', requests: 2, messages: 0, calls: 1 }`,
    );
    expect(fake.requests[1]).toMatchObject({ username: '[redacted]', status: 401 });
  });
});

test('accounts of the wrong form are refused without their secrets', async () => {
  const account = { accountSid: ACME, authToken: tokenOf(ACME) };
  for (const accounts of [
    [{ ...account, accountSid: STANDARD_KEY.sid }],
    [{ ...account, authToken: '' }],
    [{ ...account, authTokenSecondary: '' }],
    [{ ...account, apiKeys: [{ sid: ACME, secret: tokenOf(ACME) }] }],
    [account, account],
  ]) {
    const error = await startFakeTwilio({ accounts }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).not.toContain(tokenOf(ACME));
  }
});

import { inspect } from 'node:util';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { credentialFingerprint, FakeTwilio } from '../../../src/testing/index.ts';
import {
  ACCOUNTS,
  ACME,
  CLOSED,
  clientOf,
  GLOBEX,
  GLOBEX_KEY,
  keyClientOf,
  MAIN_KEY,
  SECONDARY,
  SMS,
  STANDARD_KEY,
  SUSPENDED,
  tokenOf,
} from './twilio-fixture.ts';

let fake: FakeTwilio;

beforeEach(async () => {
  fake = await FakeTwilio.start({ accounts: ACCOUNTS });
});

afterEach(() => fake.close());

describe('credentials', () => {
  const refused = { status: 401, code: 20003, message: 'Authenticate' };

  test('an auth token, the secondary one and an API key open their account', async () => {
    await clientOf(fake, ACME).messages.create(SMS);
    await clientOf(fake, ACME, SECONDARY).messages.create(SMS);
    await keyClientOf(fake, ACME, STANDARD_KEY).messages.create(SMS);
    expect(fake.requests).toMatchObject([
      { auth: 'token', username: ACME, credential: credentialFingerprint(tokenOf(ACME)) },
      { auth: 'token', credential: credentialFingerprint(SECONDARY) },
      {
        auth: 'apiKey',
        username: STANDARD_KEY.sid,
        accountSid: ACME,
        credential: credentialFingerprint(STANDARD_KEY.secret),
      },
    ]);
  });

  test('a wrong token, another account and another account’s API key do not', async () => {
    const wrong = clientOf(fake, ACME, tokenOf(GLOBEX));
    const unknown = clientOf(fake, `AC${'9'.repeat(32)}`, 'x');
    const swapped = keyClientOf(fake, ACME, { ...STANDARD_KEY, secret: MAIN_KEY.secret });
    for (const attempt of [
      wrong.messages.create(SMS),
      wrong.api.accounts(ACME).fetch(),
      clientOf(fake, ACME).api.accounts(GLOBEX).fetch(),
      keyClientOf(fake, ACME, GLOBEX_KEY).messages.create(SMS),
      swapped.messages.create(SMS),
      unknown.messages.list(),
      clientOf(fake, CLOSED).messages.create(SMS),
    ]) {
      await expect(attempt).rejects.toMatchObject(refused);
    }
    expect(fake.messages).toEqual([]);
    expect(fake.requests.every(({ status }) => status === 401)).toBe(true);
  });

  test('an API key reads the account only if it is a main key', async () => {
    await expect(
      keyClientOf(fake, ACME, STANDARD_KEY).api.accounts(ACME).fetch(),
    ).rejects.toMatchObject(refused);
    expect((await keyClientOf(fake, ACME, MAIN_KEY).api.accounts(ACME).fetch()).sid).toBe(ACME);
    expect(await keyClientOf(fake, ACME, STANDARD_KEY).incomingPhoneNumbers.list()).toHaveLength(2);
  });

  test('a suspended account is refused with its reason', async () => {
    await expect(clientOf(fake, SUSPENDED).messages.create(SMS)).rejects.toMatchObject({
      status: 403,
      code: 20005,
      message: 'Account not active',
      moreInfo: 'https://www.twilio.com/docs/errors/20005',
    });
  });

  test('a request without readable basic authentication is refused', async () => {
    const url = `${fake.url}/2010-04-01/Accounts/${ACME}.json`;
    expect((await fetch(url)).status).toBe(401);
    for (const authorization of [
      'Bearer abc',
      'Basic',
      `Basic ${btoa('x')}`,
      `Basic ${btoa(':')}`,
    ]) {
      expect((await fetch(url, { headers: { authorization } })).status).toBe(401);
    }
    expect(fake.requests[0]).toMatchObject({ auth: 'none', username: '', credential: '' });
  });

  test('a revoked API key is dead, or works on for the delay', async () => {
    const slow = await FakeTwilio.start({ accounts: ACCOUNTS, revocationDelayMs: 1_500 });
    const [now, later] = [fake, slow].map((one) => keyClientOf(one, ACME, STANDARD_KEY));
    fake.revokeKey(STANDARD_KEY.sid);
    await expect(now?.messages.create(SMS)).rejects.toMatchObject(refused);
    await keyClientOf(fake, ACME, MAIN_KEY).messages.create(SMS);

    slow.revokeKey(STANDARD_KEY.sid);
    await later?.messages.create(SMS);
    slow.revokeKey(STANDARD_KEY.sid); // a second time does not prolong it
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    await expect(later?.messages.create(SMS)).rejects.toMatchObject(refused);
    await slow.close();
  });

  test('are not kept anywhere', async () => {
    const options = fake.clientOptions();
    const client = twilio(ACME, tokenOf(ACME), options);
    await client.api.accounts(ACME).fetch();
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
    const basic = btoa(`${ACME}:${tokenOf(ACME)}`);
    for (const value of [fake, fake.requests, fake.calls, options.httpClient]) {
      const printed = inspect(value, { depth: 6, showHidden: true });
      for (const secret of [tokenOf(ACME), basic, 'sip-password', STANDARD_KEY.secret]) {
        expect(printed).not.toContain(secret);
      }
    }
    expect(fake.requests[2]).toMatchObject({ username: '[redacted]', status: 401 });
  });
});

test('accounts that are malformed or given twice are refused without their secrets', async () => {
  const account = { accountSid: ACME, authToken: tokenOf(ACME) };
  for (const accounts of [
    [{ ...account, accountSid: STANDARD_KEY.sid }],
    [{ ...account, authToken: '' }],
    [{ ...account, apiKeys: [{ sid: ACME, secret: tokenOf(ACME) }] }],
    [account, account],
  ]) {
    const error = await FakeTwilio.start({ accounts }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).not.toContain(tokenOf(ACME));
  }
});

describe('messages', () => {
  test('are accepted, kept and given back as the SDK reads them', async () => {
    const mediaUrl = ['https://example.com/a.png', 'https://example.com/b.png'];
    const sent = await clientOf(fake, ACME).messages.create({ ...SMS, mediaUrl });
    expect(sent).toMatchObject({
      sid: expect.stringMatching(/^SM[0-9a-f]{32}$/),
      accountSid: ACME,
      status: 'queued',
      direction: 'outbound-api',
      ...SMS,
      numSegments: '1',
      numMedia: '2',
      apiVersion: '2010-04-01',
      errorCode: null,
      price: null,
      messagingServiceSid: null,
      uri: `/2010-04-01/Accounts/${ACME}/Messages/${sent.sid}.json`,
      dateSent: null,
    });
    expect(Math.abs(sent.dateCreated.getTime() - Date.now())).toBeLessThan(5_000);
    expect(fake.messages).toEqual([
      {
        sid: sent.sid,
        accountSid: ACME,
        ...SMS,
        messagingServiceSid: null,
        mediaUrls: mediaUrl,
        status: 'queued',
        dateCreated: expect.any(Date),
      },
    ]);
    expect(fake.requests).toEqual([
      {
        method: 'POST',
        path: `/2010-04-01/Accounts/${ACME}/Messages.json`,
        query: {},
        accountSid: ACME,
        auth: 'token',
        username: ACME,
        credential: credentialFingerprint(tokenOf(ACME)),
        host: 'api.twilio.com',
        body: { To: SMS.to, From: SMS.from, Body: SMS.body, MediaUrl: mediaUrl },
        status: 201,
      },
    ]);
  });

  test('leave the sender to a messaging service', async () => {
    const messagingServiceSid = `MG${'0'.repeat(32)}`;
    const message = { to: SMS.to, messagingServiceSid, body: 'é'.repeat(71) };
    const sent = await clientOf(fake, ACME).messages.create(message);
    expect(sent).toMatchObject({ status: 'accepted', from: null, messagingServiceSid });
    expect(sent.numSegments).toBe('0');
  });

  test('are listed newest first and filtered, and fetched one by one', async () => {
    const client = clientOf(fake, ACME);
    for (const body of ['1', '2']) await client.messages.create({ ...SMS, body });
    await client.messages.create({ ...SMS, to: '+15005550101', body: '3' });
    await clientOf(fake, GLOBEX).messages.create({ ...SMS, body: 'of another account' });

    const bodies = async (filter = {}) =>
      (await client.messages.list(filter)).map(({ body }) => body);
    expect(await bodies()).toEqual(['3', '2', '1']);
    expect(await bodies({ to: SMS.to })).toEqual(['2', '1']);
    expect(await bodies({ limit: 1 })).toEqual(['3']);

    const sid = fake.messages[0]?.sid ?? '';
    expect((await client.messages(sid).fetch()).body).toBe('1');
    await expect(clientOf(fake, GLOBEX).messages(sid).fetch()).rejects.toMatchObject({
      status: 404,
      code: 20404,
    });
  });

  test('from a number of another account are refused, as calls are', async () => {
    const client = clientOf(fake, ACME);
    const foreign = { to: SMS.to, from: '+15005550199' };
    await expect(client.messages.create({ ...foreign, body: 'x' })).rejects.toMatchObject({
      status: 400,
      code: 21660,
    });
    await expect(client.calls.create({ ...foreign, twiml: '<Response/>' })).rejects.toMatchObject({
      status: 400,
      code: 21210,
    });
    await client.messages.create({ ...SMS, from: 'Acme' });
    expect([fake.messages.length, fake.calls.length]).toEqual([1, 0]);
  });
});

test('calls are accepted, kept and given back as the SDK reads them', async () => {
  const client = clientOf(fake, ACME);
  const twiml = '<Response><Say>Hi</Say></Response>';
  const sent = await client.calls.create({ to: SMS.to, from: SMS.from, twiml, record: true });
  expect(sent).toMatchObject({
    sid: expect.stringMatching(/^CA[0-9a-f]{32}$/),
    accountSid: ACME,
    status: 'queued',
    direction: 'outbound-api',
    toFormatted: '(500) 555-0100',
    startTime: null,
    duration: null,
    priceUnit: 'USD',
    dateCreated: expect.any(Date),
  });
  expect(fake.calls).toMatchObject([{ sid: sent.sid, to: SMS.to, twiml, url: null }]);
  expect(fake.requests[0]?.body).toMatchObject({ Record: 'true', Twiml: twiml });

  await client.calls.create({ to: 'client:ada', from: SMS.from, url: 'https://example.com/' });
  expect((await client.calls.list()).map(({ to }) => to)).toEqual(['client:ada', SMS.to]);
  expect((await client.calls(sent.sid).fetch()).sid).toBe(sent.sid);
});

test('the account and its numbers are given back as the SDK reads them', async () => {
  const client = clientOf(fake, ACME);
  expect(await client.api.accounts(ACME).fetch()).toMatchObject({
    sid: ACME,
    status: 'active',
    type: 'Full',
    ownerAccountSid: ACME,
    authToken: tokenOf(ACME),
    dateCreated: expect.any(Date),
  });
  const numbers = await client.incomingPhoneNumbers.list();
  expect(numbers.map(({ phoneNumber }) => phoneNumber)).toEqual(['+15005550006', '+442079460000']);
  expect(numbers[0]).toMatchObject({
    sid: expect.stringMatching(/^PN[0-9a-f]{32}$/),
    friendlyName: '(500) 555-0006',
    capabilities: { sms: true, voice: true },
  });
  expect(await clientOf(fake, GLOBEX).incomingPhoneNumbers.list()).toEqual([]);
});

test('what Twilio does not have is refused in its form', async () => {
  const unknown = await fetch(`${fake.url}/v2/Services`);
  expect([unknown.status, await unknown.json()]).toEqual([
    404,
    {
      code: 20404,
      message: 'The requested resource was not found',
      more_info: 'https://www.twilio.com/docs/errors/20404',
      status: 404,
    },
  ]);
  const method = 'DELETE';
  const wrong = await fetch(`${fake.url}/2010-04-01/Accounts/${ACME}/Messages.json`, { method });
  expect([wrong.status, await wrong.json()]).toMatchObject([405, { code: 20004 }]);
  const verify = clientOf(fake, ACME).verify.v2.services.list();
  await expect(verify).rejects.toBeInstanceOf(twilio.RestException);
  expect(fake.requests.at(-1)).toMatchObject({ host: 'verify.twilio.com', status: 404 });
});

test('the client options take no request for another host', async () => {
  const { httpClient } = fake.clientOptions();
  for (const uri of [
    'https://example.com/',
    'https://twilio.com.example.com/',
    'http://api.twilio.com/',
  ]) {
    await expect(httpClient.request({ method: 'get', uri })).rejects.toThrow(/does not answer for/);
  }
  expect(fake.requests).toEqual([]);
});

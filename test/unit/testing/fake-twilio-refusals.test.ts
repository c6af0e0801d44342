import twilio from 'twilio';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeTwilio, startFakeTwilio } from '../../../src/testing/fake-twilio.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const TOKEN = 'token'.repeat(6);
const FROM = '+15005550006';
const TO = '+15005550100';

let fake: FakeTwilio;

beforeAll(async () => {
  fake = await startFakeTwilio({
    accounts: [{ accountSid: ACCOUNT, authToken: TOKEN, phoneNumbers: [FROM, '+15005550001'] }],
  });
});

afterAll(() => fake.close());

type Fields = Record<string, string | string[]>;

async function post(resource: string, fields: Fields): Promise<Record<string, unknown>> {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of [value].flat()) form.append(name, one);
  }
  const answer = await fetch(`${fake.url}/2010-04-01/Accounts/${ACCOUNT}/${resource}.json`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${ACCOUNT}:${TOKEN}`)}` },
    body: form,
  });
  return (await answer.json()) as Record<string, unknown>;
}

const MESSAGE: Fields = { To: TO, From: FROM, Body: 'Hello' };
const SERVICE = `MG${'0'.repeat(32)}`;

describe('a message is refused with', () => {
  test.each<[number, Fields]>([
    [21604, { From: FROM, Body: 'Hello' }],
    [21211, { ...MESSAGE, To: 'nobody' }],
    [21211, { ...MESSAGE, To: '+0123456789' }],
    [21211, { ...MESSAGE, To: '5005550100' }],
    [21211, { ...MESSAGE, To: '+1234567890123456' }],
    [21211, { ...MESSAGE, To: 'whatsapp:ada' }],
    [21603, { To: TO, Body: 'Hello' }],
    [21212, { ...MESSAGE, From: '+1' }],
    [21212, { ...MESSAGE, From: 'More than eleven' }],
    [21910, { ...MESSAGE, From: `whatsapp:${FROM}` }],
    [21910, { ...MESSAGE, To: `whatsapp:${TO}` }],
    [21266, { ...MESSAGE, To: FROM }],
    [21660, { ...MESSAGE, From: '+15005550199' }],
    [21602, { To: TO, From: FROM }],
    [21602, { ...MESSAGE, Body: '' }],
    [21617, { ...MESSAGE, Body: 'x'.repeat(1601) }],
    [21620, { ...MESSAGE, MediaUrl: 'ftp://example.com/a' }],
    [21623, { ...MESSAGE, MediaUrl: Array(11).fill('https://example.com/a.png') }],
    [21609, { ...MESSAGE, StatusCallback: '/status' }],
    [21656, { ...MESSAGE, ContentVariables: '{' }],
    [21655, { ...MESSAGE, ContentSid: 'HX1' }],
    [21705, { ...MESSAGE, MessagingServiceSid: 'MG1' }],
    [21624, { ...MESSAGE, ValidityPeriod: 'long' }],
    [21627, { ...MESSAGE, MaxPrice: 'high' }],
    [30029, { ...MESSAGE, ContentRetention: 'forget' }],
    [20422, { ...MESSAGE, AddressRetention: 'forget' }],
    [20422, { ...MESSAGE, SmartEncoded: 'yes' }],
    [20422, { ...MESSAGE, Attempt: 'first' }],
    [20422, { ...MESSAGE, ApplicationSid: 'AP1' }],
    [20422, { ...MESSAGE, ScheduleType: 'loose' }],
    [35111, { ...MESSAGE, ScheduleType: 'fixed' }],
    [35114, { ...MESSAGE, ScheduleType: 'fixed', SendAt: 'tomorrow' }],
    [35118, { ...MESSAGE, ScheduleType: 'fixed', SendAt: '2030-01-01T00:00:00Z' }],
    [21211, { ...MESSAGE, To: '+15005550001' }],
    [21614, { ...MESSAGE, To: '+15005550009' }],
    [21212, { ...MESSAGE, From: '+15005550001' }],
  ])('%i: %j', async (code, fields) => {
    expect(await post('Messages', fields)).toEqual({
      code,
      message: expect.any(String),
      more_info: `https://www.twilio.com/docs/errors/${code}`,
      status: 400,
    });
    expect(fake.messages).toEqual([]);
  });

  test('21604 when its content type is not the form’s', async () => {
    const answer = await fetch(`${fake.url}/2010-04-01/Accounts/${ACCOUNT}/Messages.json`, {
      method: 'POST',
      headers: {
        authorization: `Basic ${btoa(`${ACCOUNT}:${TOKEN}`)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(MESSAGE),
    });
    expect(await answer.json()).toMatchObject({ code: 21604 });
  });
});

test.each<[string, Fields]>([
  ['a short code', { ...MESSAGE, From: '12345' }],
  ['an alphanumeric sender', { ...MESSAGE, From: 'Acme & Co' }],
  ['a SIM', { ...MESSAGE, From: `sim:HS${'0'.repeat(32)}` }],
  ['another channel', { ...MESSAGE, To: 'messenger:1', From: 'messenger:2' }],
  ['media only', { To: TO, From: FROM, MediaUrl: 'https://example.com/a.png' }],
  ['a template', { To: TO, MessagingServiceSid: SERVICE, ContentSid: `HX${'0'.repeat(32)}` }],
  ['empty fields', { ...MESSAGE, ScheduleType: '', StatusCallback: '', ValidityPeriod: '' }],
  ['fields that are not known', { ...MESSAGE, Tags: '{}', constructor: 'x', ['__proto__']: 'y' }],
])('a message is accepted with %s', async (_, fields) => {
  expect(await post('Messages', fields)).toHaveProperty('sid');
});

test.each([
  ['a', 160, '1'],
  ['a', 161, '2'],
  ['é', 70, '1'],
  ['é', 71, '2'],
])('a body of %s × %i is %s segment(s)', async (character, length, segments) => {
  const sent = await post('Messages', { ...MESSAGE, Body: character.repeat(length) });
  expect(sent.num_segments).toBe(segments);
});

const CALL: Fields = { To: TO, From: FROM, Url: 'https://example.com/voice' };

describe('a call is refused with', () => {
  test.each<[number, Fields]>([
    [21201, { From: FROM, Url: 'https://example.com/voice' }],
    [21213, { To: TO, Url: 'https://example.com/voice' }],
    [21211, { ...CALL, To: 'nobody' }],
    [21212, { ...CALL, From: 'nobody' }],
    [21205, { To: TO, From: FROM }],
    [21205, { ...CALL, Url: 'voice.xml' }],
    [21218, { To: TO, From: FROM, ApplicationSid: 'AP1' }],
    [21210, { ...CALL, From: '+15005550199' }],
    [21209, { ...CALL, Method: 'PUT' }],
    [21208, { ...CALL, Timeout: '-1' }],
    [21206, { ...CALL, SendDigits: 'abc' }],
    [20422, { ...CALL, Record: '1' }],
    [20422, { ...CALL, Byoc: 'BY1' }],
    [21217, { ...CALL, To: '+15005550001' }],
    [21212, { ...CALL, From: '+15005550001' }],
  ])('%i: %j', async (code, fields) => {
    expect(await post('Calls', fields)).toMatchObject({ code, status: 400 });
    expect(fake.calls).toEqual([]);
  });
});

test('the SDK turns a refusal into its RestException', async () => {
  const client = twilio(ACCOUNT, TOKEN, fake.clientOptions(twilio));
  const error = await client.messages
    .create({ to: 'nobody', from: FROM, body: 'Hello' })
    .catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(twilio.RestException);
  expect(error).toMatchObject({
    status: 400,
    code: 21211,
    message: "Invalid 'To' Phone Number: nobody",
    moreInfo: 'https://www.twilio.com/docs/errors/21211',
  });
});

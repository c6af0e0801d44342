import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeTwilio, startFakeTwilio } from '../../../src/testing/fake-twilio.ts';
import { ACCOUNTS, ACME, clientOf, GLOBEX, SMS, tokenOf } from './twilio-fixture.ts';

let fake: FakeTwilio;

beforeEach(async () => {
  fake = await startFakeTwilio({ accounts: ACCOUNTS });
});

afterEach(() => fake.close());

describe('messages', () => {
  test('are accepted, kept and given back as the SDK reads them', async () => {
    const sent = await clientOf(fake, ACME).messages.create({
      ...SMS,
      mediaUrl: ['https://example.com/a.png', 'https://example.com/b.png'],
      statusCallback: 'https://example.com/status',
    });

    expect(sent).toMatchObject({
      sid: expect.stringMatching(/^SM[0-9a-f]{32}$/),
      accountSid: ACME,
      status: 'queued',
      direction: 'outbound-api',
      from: SMS.from,
      to: SMS.to,
      body: 'Hello',
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
        to: SMS.to,
        from: SMS.from,
        messagingServiceSid: null,
        body: 'Hello',
        mediaUrls: ['https://example.com/a.png', 'https://example.com/b.png'],
        status: 'queued',
        dateCreated: expect.any(Date),
      },
    ]);
  });

  test('of a messaging service leave the sender to it; scheduled ones wait', async () => {
    const client = clientOf(fake, GLOBEX);
    const messagingServiceSid = `MG${'0'.repeat(32)}`;
    const now = await client.messages.create({ to: SMS.to, messagingServiceSid, body: 'Hi' });
    const later = await client.messages.create({
      to: SMS.to,
      messagingServiceSid,
      contentSid: `HX${'0'.repeat(32)}`,
      contentVariables: '{"1":"Ada"}',
      scheduleType: 'fixed',
      sendAt: new Date(Date.now() + 3_600_000),
      shortenUrls: true,
      validityPeriod: 60,
    });
    expect(now).toMatchObject({ status: 'accepted', from: null, messagingServiceSid });
    expect(later.status).toBe('scheduled');
  });

  test('go to WhatsApp from WhatsApp', async () => {
    const to = `whatsapp:${SMS.to}`;
    const sent = await clientOf(fake, ACME).messages.create({
      to,
      from: 'whatsapp:+15005550006',
      body: 'Hi',
    });
    expect(sent.to).toBe(to);
  });

  test('are listed newest first, filtered, page by page, and fetched one by one', async () => {
    const client = clientOf(fake, ACME);
    for (const body of ['1', '2', '3', '4', '5']) {
      await client.messages.create({ ...SMS, body });
    }
    await client.messages.create({ ...SMS, to: '+15005550101' });
    await clientOf(fake, GLOBEX).messages.create({ ...SMS, body: 'not in the list' });

    const listed = await client.messages.list({ to: SMS.to, pageSize: 2 });
    expect(listed.map(({ body }) => body)).toEqual(['5', '4', '3', '2', '1']);
    expect(fake.requests.filter(({ query }) => query.PageSize === '2')).toHaveLength(3);

    const [newest] = listed;
    expect((await client.messages(newest?.sid ?? '').fetch()).body).toBe('5');
    await expect(
      clientOf(fake, GLOBEX)
        .messages(newest?.sid ?? '')
        .fetch(),
    ).rejects.toMatchObject({
      status: 404,
      code: 20404,
    });
  });
});

describe('calls', () => {
  test('are accepted, kept and given back as the SDK reads them', async () => {
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
    });
    expect(sent.dateCreated).toBeInstanceOf(Date);
    expect(fake.calls).toMatchObject([{ sid: sent.sid, to: SMS.to, twiml, url: null }]);
    expect(fake.requests[0]?.body).toMatchObject({ Record: 'true', Twiml: twiml });

    await client.calls.create({
      to: 'client:ada',
      from: SMS.from,
      url: 'https://example.com/voice',
    });
    expect((await client.calls.list()).map(({ to }) => to)).toEqual(['client:ada', SMS.to]);
    expect((await client.calls(sent.sid).fetch()).sid).toBe(sent.sid);
  });
});

describe('the account', () => {
  test('is read with its auth token, which is in the answer', async () => {
    const account = await clientOf(fake, ACME).api.accounts(ACME).fetch();
    expect(account).toMatchObject({
      sid: ACME,
      friendlyName: 'Acme',
      status: 'active',
      type: 'Full',
      ownerAccountSid: ACME,
      authToken: tokenOf(ACME),
      dateCreated: expect.any(Date),
    });
  });

  test('lists its numbers', async () => {
    const numbers = await clientOf(fake, ACME).incomingPhoneNumbers.list();
    expect(numbers.map(({ phoneNumber }) => phoneNumber)).toEqual([
      '+15005550006',
      '+15005550100',
      '+442079460000',
    ]);
    expect(numbers[0]).toMatchObject({
      sid: expect.stringMatching(/^PN[0-9a-f]{32}$/),
      friendlyName: '(500) 555-0006',
      capabilities: { sms: true, voice: true },
      dateCreated: expect.any(Date),
    });
    const [one] = await clientOf(fake, ACME).incomingPhoneNumbers.list({
      phoneNumber: '+15005550100',
    });
    expect(one?.phoneNumber).toBe('+15005550100');
    expect(await clientOf(fake, GLOBEX).incomingPhoneNumbers.list()).toEqual([]);
  });
});

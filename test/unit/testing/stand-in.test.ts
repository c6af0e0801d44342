import { connect } from 'node:net';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { credentialFingerprint, FakeSendGrid, FakeTwilio } from '../../../src/testing/index.ts';
import { serviceOf } from './sendgrid-fixture.ts';

const ACCOUNT = `AC${'a'.repeat(32)}`;
const TOKEN = 'token'.repeat(6);
const KEY = `SG.${'a'.repeat(22)}.${'b'.repeat(43)}`;
const MESSAGE = { to: '+15005550100', from: '+15005550006', body: 'Hello' };
const MAIL = { to: 'ada@example.com', from: 'a@example.com', subject: 'Hello', text: 'Hello' };

let fakeTwilio: FakeTwilio;
let fakeSendGrid: FakeSendGrid;

beforeEach(async () => {
  const accounts = [{ accountSid: ACCOUNT, authToken: TOKEN }];
  fakeTwilio = await FakeTwilio.start({ accounts });
  fakeSendGrid = await FakeSendGrid.start({ keys: [{ apiKey: KEY }] });
});

afterEach(async () => {
  await Promise.all([fakeTwilio.close(), fakeSendGrid.close()]);
});

function sms(settings = {}): Promise<unknown> {
  const options = fakeTwilio.clientOptions(settings);
  return twilio(ACCOUNT, TOKEN, options).messages.create(MESSAGE);
}

function mail(timeout?: number): Promise<unknown> {
  const service = serviceOf(fakeSendGrid, KEY);
  if (timeout !== undefined) service.setTimeout(timeout);
  return service.send({ ...MAIL });
}

describe('failNext', () => {
  test('answers once with the provider’s usual error for the status', async () => {
    fakeTwilio.failNext({ status: 429 });
    await expect(sms()).rejects.toMatchObject({
      status: 429,
      code: 20429,
      message: 'Too Many Requests',
    });
    await sms();
    fakeSendGrid.failNext({ status: 500 });
    await expect(mail()).rejects.toMatchObject({
      code: 500,
      response: {
        body: { errors: [{ message: 'internal server error', field: null, help: null }] },
      },
    });
    await mail();
    expect(fakeTwilio.requests.map(({ status }) => status)).toEqual([429, 201]);
    expect(fakeTwilio.messages).toHaveLength(1);
    expect(fakeSendGrid.requests.map(({ status }) => status)).toEqual([500, 202]);
    expect(fakeSendGrid.mails).toHaveLength(1);
  });

  test('takes a code, a message, headers and a number of times, in the order planned', async () => {
    fakeTwilio.failNext({ status: 503, times: 2 });
    fakeTwilio.failNext({
      status: 400,
      code: 30001,
      message: 'Queue overflow',
      headers: { 'retry-after': '7' },
    });
    for (const code of [20503, 20503, 30001]) await expect(sms()).rejects.toMatchObject({ code });
    await sms();

    fakeTwilio.failNext({ status: 429, headers: { 'retry-after': '7' } });
    const answer = await fetch(fakeTwilio.url);
    expect(answer.headers.get('retry-after')).toBe('7');
    expect(await answer.json()).toMatchObject({ code: 20429, status: 429 });

    const message = 'The subject is required.';
    fakeSendGrid.failNext({ status: 400, field: 'subject', message });
    await expect(mail()).rejects.toMatchObject({
      code: 400,
      response: { body: { errors: [{ message, field: 'subject', help: null }] } },
    });
  });

  test('lets the SDK try again on 429', async () => {
    fakeTwilio.failNext({ status: 429, times: 2 });
    await sms({ autoRetry: true, maxRetries: 2, maxRetryDelay: 1 });
    expect(fakeTwilio.requests.map(({ status }) => status)).toEqual([429, 429, 201]);
  });

  test('spreads over requests that come at the same time', async () => {
    fakeTwilio.failNext({ status: 500, times: 3 });
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => sms()));
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(3);
    expect(fakeTwilio.messages).toHaveLength(7);
    expect(new Set(fakeTwilio.messages.map(({ sid }) => sid)).size).toBe(7);
  });

  test('delays an answer, good or bad', async () => {
    fakeTwilio.failNext({ delayMs: 60 });
    const start = performance.now();
    await sms();
    expect(performance.now() - start).toBeGreaterThan(50);
    fakeTwilio.failNext({ status: 500, delayMs: 60 });
    await expect(sms()).rejects.toMatchObject({ status: 500 });
    expect(performance.now() - start).toBeGreaterThan(110);
  });

  test('leaves the client to its timeout', async () => {
    fakeTwilio.failNext({ hang: true });
    await expect(sms({ timeout: 50 })).rejects.toMatchObject({ code: 'ECONNABORTED' });
    fakeSendGrid.failNext({ hang: true });
    await expect(mail(50)).rejects.toMatchObject({ code: 'ECONNABORTED' });
    expect(fakeTwilio.requests).toMatchObject([{ body: { Body: 'Hello' }, status: 0 }]);
    expect(fakeSendGrid.requests).toMatchObject([{ status: 0 }]);
    expect([...fakeTwilio.messages, ...fakeSendGrid.mails]).toEqual([]);
  });

  test('drops the connection', async () => {
    fakeTwilio.failNext({ drop: true });
    await expect(sms()).rejects.toMatchObject({ code: 'ECONNRESET' });
    fakeSendGrid.failNext({ drop: true, delayMs: 20 });
    await expect(mail()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await Promise.all([sms(), mail()]);
  });

  test.each([
    {},
    { times: 2 },
    { hang: false },
    { status: 200 },
    { status: 600 },
    { status: 400.5 },
    { delayMs: -1 },
    { delayMs: Number.NaN },
    { status: 500, times: 0 },
    { status: 500, times: 1.5 },
  ])('refuses %j', (failure) => {
    expect(() => fakeTwilio.failNext(failure)).toThrow(TypeError);
    expect(() => fakeSendGrid.failNext(failure)).toThrow(TypeError);
  });
});

test('clear forgets what was sent and what was planned', async () => {
  await Promise.all([sms(), mail()]);
  fakeTwilio.failNext({ status: 500 });
  fakeSendGrid.failNext({ status: 500 });
  fakeTwilio.clear();
  fakeSendGrid.clear();
  expect([fakeTwilio.requests, fakeTwilio.messages, fakeTwilio.calls]).toEqual([[], [], []]);
  expect([fakeSendGrid.requests, fakeSendGrid.mails]).toEqual([[], []]);
  await Promise.all([sms(), mail()]);
});

describe('close', () => {
  test('ends open requests at once, hung, slow and half sent ones', async () => {
    fakeTwilio.failNext({ hang: true });
    fakeTwilio.failNext({ delayMs: 60_000 });
    const open = Promise.allSettled([sms(), sms()]);
    const half = connect(Number(new URL(fakeTwilio.url).port), '127.0.0.1');
    half.on('error', () => undefined);
    half.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc');
    const halfClosed = new Promise((resolve) => half.once('close', resolve));
    while (fakeTwilio.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));

    const start = performance.now();
    await fakeTwilio.close();
    expect(performance.now() - start).toBeLessThan(20_000);
    for (const result of await open) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'ECONNRESET' } });
    }
    await halfClosed;
    expect(fakeTwilio.requests).toHaveLength(2);
  });

  test('may be called again; the address answers no more', async () => {
    await Promise.all([fakeTwilio.close(), fakeTwilio.close()]);
    await fakeTwilio.close();
    await expect(sms()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

test('a request that its client gives up is not recorded', async () => {
  fakeTwilio.failNext({ status: 500 });
  const half = connect(Number(new URL(fakeTwilio.url).port), '127.0.0.1');
  half.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc', () => half.destroy());
  await new Promise((resolve) => half.once('close', resolve));
  await expect(sms()).rejects.toMatchObject({ status: 500 });
  expect(fakeTwilio.requests).toHaveLength(1);
});

test('a fingerprint tells credentials apart and is short', () => {
  expect(credentialFingerprint(TOKEN)).toMatch(/^[0-9a-f]{12}$/);
  expect(credentialFingerprint(TOKEN)).toBe(credentialFingerprint(TOKEN));
  expect(credentialFingerprint(TOKEN)).not.toBe(credentialFingerprint(KEY));
  expect(credentialFingerprint('')).toBe('');
});

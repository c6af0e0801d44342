import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { credentialFingerprint, FakeSendGrid } from '../../../src/testing/index.ts';
import { FULL, KEYS, keyOf, MAIL, READ_ONLY, SENDER, serviceOf } from './sendgrid-fixture.ts';

let fake: FakeSendGrid;

beforeEach(async () => {
  fake = await FakeSendGrid.start({ keys: KEYS });
});

afterEach(() => fake.close());

const errors = (message: unknown, field: string | null = null) => ({
  response: { body: { errors: [{ message, field, help: null }] } },
});

describe('keys', () => {
  test('a wrong one, one without the scope and none at all are refused', async () => {
    await expect(serviceOf(fake, keyOf('x')).send({ ...MAIL })).rejects.toMatchObject({
      code: 401,
      message: 'Unauthorized',
      ...errors('The provided authorization grant is invalid, expired, or revoked'),
    });
    await expect(serviceOf(fake, READ_ONLY).send({ ...MAIL })).rejects.toMatchObject({
      code: 403,
      ...errors('access forbidden'),
    });
    await expect(serviceOf(fake).send({ ...MAIL })).rejects.toMatchObject({
      code: 401,
      ...errors('authorization required'),
    });
    const headers = { authorization: `Basic ${btoa('a:b')}` };
    expect((await fetch(`${fake.url}/v3/scopes`, { headers })).status).toBe(401);
    expect(fake.requests.map(({ credential }) => credential)).toEqual([
      credentialFingerprint(keyOf('x')),
      credentialFingerprint(READ_ONLY),
      '',
      '',
    ]);
    expect(fake.mails).toEqual([]);
  });

  test('read their scopes', async () => {
    for (const { apiKey, scopes = ['mail.send'] } of KEYS) {
      const [, body] = await serviceOf(fake, apiKey).client.request({ url: '/v3/scopes' });
      expect(body).toEqual({ scopes });
    }
  });

  test('that are revoked are dead, or work on for the delay', async () => {
    const slow = await FakeSendGrid.start({ keys: KEYS, revocationDelayMs: 1_500 });
    fake.revokeKey(FULL);
    await expect(serviceOf(fake, FULL).send({ ...MAIL })).rejects.toMatchObject({ code: 401 });
    await serviceOf(fake, SENDER).send({ ...MAIL });
    slow.revokeKey(FULL);
    await serviceOf(slow, FULL).send({ ...MAIL });
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    await expect(serviceOf(slow, FULL).send({ ...MAIL })).rejects.toMatchObject({ code: 401 });
    await slow.close();
  });

  test('are not kept anywhere', async () => {
    await serviceOf(fake, FULL).send({ ...MAIL });
    for (const value of [fake, fake.requests, fake.mails]) {
      expect(inspect(value, { depth: 6, showHidden: true })).not.toContain(FULL);
    }
  });

  test('that are malformed or given twice are refused without being shown', async () => {
    for (const keys of [
      [{ apiKey: '' }],
      [{ apiKey: `${FULL} ` }],
      [{ apiKey: FULL }, { apiKey: FULL }],
    ]) {
      const error = await FakeSendGrid.start({ keys }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).not.toContain(FULL);
    }
  });
});

describe('a mail', () => {
  test('is accepted and kept', async () => {
    const [answer] = await serviceOf(fake, FULL).send({ ...MAIL });
    expect(answer).toMatchObject({ statusCode: 202, body: '' });
    expect(fake.mails).toEqual([
      {
        messageId: answer.headers['x-message-id'],
        credential: credentialFingerprint(FULL),
        from: 'acme@example.com',
        to: ['ada@example.com'],
        subject: 'Hello',
        text: 'Hello Ada',
        html: '<p>Hello Ada</p>',
        templateId: '',
      },
    ]);
    expect(fake.requests).toEqual([
      {
        method: 'POST',
        path: '/v3/mail/send',
        query: {},
        credential: credentialFingerprint(FULL),
        body: expect.objectContaining({ from: { email: 'acme@example.com' } }),
        status: 202,
      },
    ]);
  });

  test('may have many recipients or a template, and several may be sent', async () => {
    const service = serviceOf(fake, FULL);
    const { to, from } = MAIL;
    await service.send({
      ...MAIL,
      to: [{ name: 'Ada', email: 'ada@example.com' }, 'bob@example.com'],
      cc: 'cy@example.com',
      bcc: ['dot@example.com'],
    });
    await service.send({ to, from, templateId: 'd-1', dynamicTemplateData: { name: 'Ada' } });
    await service.send([{ ...MAIL }, { ...MAIL }]);
    expect(fake.mails).toHaveLength(4);
    expect(fake.mails[0]?.to).toEqual([
      'ada@example.com',
      'bob@example.com',
      'cy@example.com',
      'dot@example.com',
    ]);
    expect(fake.mails[1]).toMatchObject({ templateId: 'd-1', subject: '', text: '', html: '' });
  });

  test('from a sender that is not verified is refused', async () => {
    const service = serviceOf(fake, SENDER);
    await service.send({ ...MAIL });
    await service.send({ ...MAIL, from: 'anyone@ACME.test' });
    for (const from of ['other@example.com', 'acme@not-acme.test']) {
      await expect(service.send({ ...MAIL, from })).rejects.toMatchObject({
        code: 403,
        ...errors(expect.stringContaining('verified Sender'), 'from'),
      });
    }
    expect(fake.mails).toHaveLength(2);
  });

  test.each([
    ['bad JSON', '{'],
    ['no object', '7'],
    ['null', 'null'],
    ['no sender', JSON.stringify({ personalizations: [{ to: [{ email: 'a@b.example' }] }] })],
    ['no recipient', JSON.stringify({ personalizations: [{}], from: { email: 'a@b.example' } })],
  ])('is refused in SendGrid’s form: %s', async (_what, body) => {
    const headers = { authorization: `Bearer ${FULL}` };
    const answer = await fetch(`${fake.url}/v3/mail/send`, { method: 'POST', headers, body });
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { errors: [{ message: 'Bad Request', field: null, help: null }] },
    ]);
    expect(fake.mails).toEqual([]);
  });
});

test.each([
  [404, 'GET', '/v3/mail'],
  [404, 'GET', '/constructor'],
  [405, 'POST', '/v3/scopes'],
])('a request gets %i: %s %s', async (status, method, path) => {
  const answer = await fetch(fake.url + path, { method });
  expect(answer.status).toBe(status);
  expect(await answer.json()).toEqual({
    errors: [
      { message: status === 404 ? 'not found' : 'method not allowed', field: null, help: null },
    ],
  });
});

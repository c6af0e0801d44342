import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FakeSendGrid, startFakeSendGrid } from '../../../src/testing/fake-sendgrid.ts';

const KEY = `SG.${'a'.repeat(22)}.${'b'.repeat(43)}`;

let fake: FakeSendGrid;

beforeAll(async () => {
  fake = await startFakeSendGrid({ keys: [{ apiKey: KEY }] });
});

afterAll(() => fake.close());

function post(body: unknown, init: RequestInit = {}, path = '/v3/mail/send'): Promise<Response> {
  return fetch(fake.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...init,
  });
}

const ADA = { email: 'ada@example.com' };
const PERSONALIZATION = { to: [ADA] };
const MAIL = {
  personalizations: [PERSONALIZATION],
  from: { email: 'acme@example.com' },
  subject: 'Hello',
  content: [{ type: 'text/plain', value: 'Hello' }],
};
const FILE = { content: Buffer.from('file').toString('base64'), filename: 'a.txt' };
const to = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ email: `ada${n}@example.com` }));
const inFourDays = Math.floor(Date.now() / 1000) + 4 * 24 * 60 * 60;

describe('a mail is refused because of', () => {
  test.each<[string, object]>([
    ['personalizations', { ...MAIL, personalizations: undefined }],
    ['personalizations', { ...MAIL, personalizations: [] }],
    ['personalizations', { ...MAIL, personalizations: {} }],
    ['personalizations', { ...MAIL, personalizations: Array(1001).fill(PERSONALIZATION) }],
    ['personalizations', { ...MAIL, personalizations: [{ to: to(999) }, { to: to(2) }] }],
    ['personalizations.0', { ...MAIL, personalizations: ['ada@example.com'] }],
    [
      'personalizations.0',
      { ...MAIL, personalizations: [{ to: [ADA], cc: [{ email: 'ADA@example.com' }] }] },
    ],
    ['personalizations.0.to', { ...MAIL, personalizations: [{}] }],
    ['personalizations.0.to', { ...MAIL, personalizations: [{ to: [] }] }],
    ['personalizations.0.to.0.email', { ...MAIL, personalizations: [{ to: [{ email: 'ada' }] }] }],
    [
      'personalizations.0.to.0.name',
      { ...MAIL, personalizations: [{ to: [{ ...ADA, name: 1 }] }] },
    ],
    [
      'personalizations.1.cc.0.email',
      { ...MAIL, personalizations: [PERSONALIZATION, { to: [ADA], cc: [{}] }] },
    ],
    ['personalizations.0.subject', { ...MAIL, personalizations: [{ to: [ADA], subject: '' }] }],
    [
      'personalizations.0.headers',
      { ...MAIL, personalizations: [{ to: [ADA], headers: { BCC: 'x' } }] },
    ],
    [
      'personalizations.0.substitutions.a',
      { ...MAIL, personalizations: [{ to: [ADA], substitutions: { a: 1 } }] },
    ],
    [
      'personalizations.0.substitutions',
      { ...MAIL, template_id: 'd-1', personalizations: [{ to: [ADA], substitutions: { a: 'b' } }] },
    ],
    [
      'personalizations.0.send_at',
      { ...MAIL, personalizations: [{ to: [ADA], send_at: inFourDays }] },
    ],
    [
      'personalizations.0.custom_args',
      { ...MAIL, personalizations: [{ to: [ADA], custom_args: { a: 'x'.repeat(10_000) } }] },
    ],
    ['from.email', { ...MAIL, from: undefined }],
    ['from.email', { ...MAIL, from: 'acme@example.com' }],
    ['from.email', { ...MAIL, from: { email: 'acme' } }],
    ['reply_to', { ...MAIL, reply_to: ADA, reply_to_list: [ADA] }],
    ['reply_to.email', { ...MAIL, reply_to: { name: 'Ada' } }],
    ['subject', { ...MAIL, subject: undefined }],
    ['subject', { ...MAIL, subject: '' }],
    ['subject', { ...MAIL, subject: 7 }],
    ['content', { ...MAIL, content: undefined }],
    ['content', { ...MAIL, content: [] }],
    [
      'content',
      {
        ...MAIL,
        content: [
          { type: 'text/html', value: 'x' },
          { type: 'text/plain', value: 'x' },
        ],
      },
    ],
    [
      'content',
      {
        ...MAIL,
        content: [
          { type: 'text/calendar', value: 'x' },
          { type: 'text/html', value: 'x' },
        ],
      },
    ],
    ['content.0.value', { ...MAIL, content: [{ type: 'text/plain', value: '' }] }],
    ['content.0.type', { ...MAIL, content: [{ value: 'x' }] }],
    ['attachments.0.content', { ...MAIL, attachments: [{ ...FILE, content: 'not base64!' }] }],
    ['attachments.0.filename', { ...MAIL, attachments: [{ content: FILE.content }] }],
    ['attachments.0.disposition', { ...MAIL, attachments: [{ ...FILE, disposition: 'top' }] }],
    ['headers', { ...MAIL, headers: { 'Reply-To': 'ada@example.com' } }],
    ['headers.X-Ours', { ...MAIL, headers: { 'X-Ours': 1 } }],
    ['categories', { ...MAIL, categories: ['a', 'a'] }],
    ['categories', { ...MAIL, categories: [...'abcdefghijk'] }],
    ['categories.0', { ...MAIL, categories: ['x'.repeat(256)] }],
    ['custom_args', { ...MAIL, custom_args: 1 }],
    ['custom_args', { ...MAIL, custom_args: { a: 'x'.repeat(10_000) } }],
    ['send_at', { ...MAIL, send_at: inFourDays }],
    ['send_at', { ...MAIL, send_at: '1' }],
    ['template_id', { ...MAIL, template_id: 1 }],
    ['batch_id', { ...MAIL, batch_id: 1 }],
    ['asm', { ...MAIL, asm: [] }],
    ['asm.group_id', { ...MAIL, asm: {} }],
    [
      'asm.groups_to_display',
      { ...MAIL, asm: { group_id: 1, groups_to_display: Array(26).fill(1) } },
    ],
    ['ip_pool_name', { ...MAIL, ip_pool_name: 'x' }],
    ['ip_pool_name', { ...MAIL, ip_pool_name: 'x'.repeat(65) }],
    ['mail_settings.footer.enable', { ...MAIL, mail_settings: { footer: { enable: 1 } } }],
    [
      'tracking_settings.ganalytics.utm_term',
      { ...MAIL, tracking_settings: { ganalytics: { utm_term: 1 } } },
    ],
  ])('%s', async (field, mail) => {
    const answer = await post(mail);
    expect(answer.status).toBe(400);
    const { errors } = (await answer.json()) as { errors: unknown[] };
    expect(errors).toContainEqual({
      message: expect.any(String),
      field,
      help: expect.stringMatching(/errors\.html#message\.[A-Za-z_.-]+$/),
    });
    expect(fake.mails).toEqual([]);
  });

  test('everything at once', async () => {
    const answer = await post({});
    const { errors } = (await answer.json()) as { errors: { field: string }[] };
    expect(errors.map(({ field }) => field)).toEqual(['personalizations', 'from.email']);
  });
});

test.each([
  [
    'no subject but one in every personalization',
    { ...MAIL, subject: undefined, personalizations: [{ to: [ADA], subject: 'x' }] },
  ],
  ['custom_args as text', { ...MAIL, custom_args: '{}' }],
  ['fields that are not known', { ...MAIL, future: true, constructor: 1 }],
  ['1,000 recipients', { ...MAIL, personalizations: [{ to: to(1000) }] }],
])('a mail is accepted with %s', async (_, mail) => {
  expect((await post(mail)).status).toBe(202);
  fake.clear();
});

test.each<[number, string, () => Promise<Response>]>([
  [400, 'Bad Request', () => post('{')],
  [400, 'Bad Request', () => post('')],
  [400, 'Bad Request', () => post([MAIL])],
  [400, 'Bad Request', () => post('null')],
  [404, 'not found', () => post(MAIL, {}, '/v3/mail')],
  [404, 'not found', () => post(MAIL, {}, '/constructor')],
  [405, 'method not allowed', () => post(MAIL, { method: 'PUT' })],
  [405, 'method not allowed', () => post(MAIL, {}, '/v3/scopes')],
  [
    415,
    'unsupported media type',
    () => post(MAIL, { headers: { authorization: `Bearer ${KEY}`, 'content-type': 'text/plain' } }),
  ],
])('a request is refused with %i, %s', async (status, message, send) => {
  const answer = await send();
  expect([answer.status, await answer.json()]).toEqual([
    status,
    { errors: [{ message, field: null, help: null }] },
  ]);
});

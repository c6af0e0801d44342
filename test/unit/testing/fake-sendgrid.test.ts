import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { credentialFingerprint } from '../../../src/testing/credential-fingerprint.ts';
import { type FakeSendGrid, startFakeSendGrid } from '../../../src/testing/fake-sendgrid.ts';
import { FULL, KEYS, MAIL, SENDER, serviceOf } from './sendgrid-fixture.ts';

let fake: FakeSendGrid;

beforeEach(async () => {
  fake = await startFakeSendGrid({ keys: KEYS });
});

afterEach(() => fake.close());

describe('mail/send', () => {
  test('accepts a mail and keeps it', async () => {
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
        body: expect.objectContaining({ from: { email: 'acme@example.com' } }),
      },
    ]);
    expect(fake.requests).toEqual([
      {
        method: 'POST',
        path: '/v3/mail/send',
        query: {},
        auth: 'bearer',
        credential: credentialFingerprint(FULL),
        contentType: 'application/json',
        userAgent: expect.stringMatching(/^sendgrid\/8\./),
        body: fake.mails[0]?.body,
        status: 202,
      },
    ]);
    expect(Object.isFrozen(fake.mails[0]?.body.content)).toBe(true);
  });

  test('accepts all that the SDK can say', async () => {
    await serviceOf(fake, FULL).send({
      ...MAIL,
      to: [{ name: 'Ada', email: 'ada@example.com' }, 'bob@example.com'],
      cc: 'cy@example.com',
      bcc: ['dot@example.com'],
      from: { name: 'Acme', email: 'acme@example.com' },
      replyToList: [{ email: 'reply@example.com' }],
      sendAt: Math.floor(Date.now() / 1000) + 60,
      attachments: [
        {
          content: Buffer.from('file').toString('base64'),
          filename: 'a.txt',
          type: 'text/plain',
          disposition: 'attachment',
        },
      ],
      categories: ['a', 'b'],
      headers: { 'X-Ours': '1' },
      sections: { ':a': 'b' },
      substitutions: { name: 'Ada' },
      customArgs: { order: '1' },
      batchId: 'batch',
      ipPoolName: 'pool',
      asm: { groupId: 1, groupsToDisplay: [1, 2] },
      mailSettings: { footer: { enable: true, text: 'bye' }, sandboxMode: { enable: false } },
      trackingSettings: { clickTracking: { enable: true, enableText: false } },
    });
    expect(fake.mails[0]).toMatchObject({
      to: ['ada@example.com', 'bob@example.com', 'cy@example.com', 'dot@example.com'],
    });
  });

  test('accepts templates without content, and several mails', async () => {
    const service = serviceOf(fake, FULL);
    const { to, from } = MAIL;
    await service.send({ to, from, templateId: 'd-1', dynamicTemplateData: { name: 'Ada' } });
    await service.send({ ...MAIL, to: ['ada@example.com', 'bob@example.com'] }, true);
    await service.send([{ ...MAIL }, { ...MAIL }]);
    expect(fake.mails).toHaveLength(4);
    expect(fake.mails[0]).toMatchObject({ templateId: 'd-1', subject: '', text: '', html: '' });
    expect(fake.mails[1]?.to).toEqual(['ada@example.com', 'bob@example.com']);
    expect(fake.mails[1]?.body.personalizations).toHaveLength(2);
  });

  test('checks a sandbox mail and sends it to nobody', async () => {
    const mailSettings = { sandboxMode: { enable: true } };
    const [answer] = await serviceOf(fake, FULL).send({ ...MAIL, mailSettings });
    expect(answer.statusCode).toBe(200);
    expect(fake.mails).toEqual([]);
  });

  test('refuses a sender that is not verified', async () => {
    const service = serviceOf(fake, SENDER);
    await service.send({ ...MAIL });
    await service.send({ ...MAIL, from: 'anyone@ACME.test' });
    const personalizations = [{ to: 'ada@example.com', from: 'other@example.com' }];
    for (const mail of [
      { ...MAIL, from: 'other@example.com' },
      { ...MAIL, from: 'acme@not-acme.test' },
      { ...MAIL, personalizations },
    ]) {
      await expect(service.send(mail)).rejects.toMatchObject({
        code: 403,
        response: {
          body: {
            errors: [
              { message: expect.stringContaining('verified Sender'), field: 'from', help: null },
            ],
          },
        },
      });
    }
    expect(fake.mails).toHaveLength(2);
  });

  test('refuses on-behalf-of', async () => {
    const service = serviceOf(fake, FULL);
    service.client.setImpersonateSubuser('acme');
    await expect(service.send({ ...MAIL })).rejects.toMatchObject({ code: 403 });
    expect(fake.requests).toMatchObject([{ onBehalfOf: 'acme', status: 403 }]);
    const [answer] = await service.client.request({ url: '/v3/scopes' });
    expect(answer.statusCode).toBe(200);
  });

  test('takes a gzipped body', async () => {
    const post = (body: Buffer, encoding = 'gzip') =>
      fetch(`${fake.url}/v3/mail/send`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${FULL}`,
          'content-type': 'application/json',
          'content-encoding': encoding,
        },
        body: new Uint8Array(body),
      });
    await serviceOf(fake, FULL).send({ ...MAIL });
    const json = Buffer.from(JSON.stringify(fake.mails[0]?.body));
    expect((await post(gzipSync(json))).status).toBe(202);
    expect(fake.mails[1]?.body).toEqual(fake.mails[0]?.body);
    expect((await post(json)).status).toBe(400);
    expect((await post(gzipSync(Buffer.alloc(31 * 1024 * 1024)))).status).toBe(413);
  });
});

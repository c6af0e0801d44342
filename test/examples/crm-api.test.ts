import { credentialFingerprint } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { crmSite } from './crm-site.ts';

const { crm, db, logIn, ada } = await crmSite();
const { acme, initech, globex } = crm.tenants;
const text = { to: '+14155550100', body: 'Hello' };

describe('messages', () => {
  it('go out by SMS and WhatsApp with the credentials of the tenant', async () => {
    expect(await ada.post('twilio/sms', text)).toMatchObject({ status: 201 });
    expect(crm.twilio.messages.at(-1)).toMatchObject({ from: acme.phoneNumber, to: text.to });
    expect(await ada.post('twilio/whatsapp', text)).toMatchObject({ status: 201 });
    expect(crm.twilio.messages.at(-1)).toMatchObject({
      from: `whatsapp:${acme.phoneNumber}`,
      to: `whatsapp:${text.to}`,
    });
    expect(crm.twilio.requests.at(-1)?.credential).toBe(
      credentialFingerprint(acme.twilio.apiSecret),
    );
  });

  it('go out by e-mail with the signature, as text', async () => {
    await ada.post('settings', { settings: { email_signature: 'Ada, Acme' } });
    const mail = { to: 'grace@navy.example', subject: 'Hello', text: '<b>How are you?</b>' };
    expect(await ada.post('email/send', mail)).toMatchObject({ status: 202 });
    expect(crm.sendgrid.mails.at(-1)).toMatchObject({
      from: acme.senderEmail,
      text: '<b>How are you?</b>\n\nAda, Acme',
      html: '',
    });
  });

  it('send a draft once, however often it is asked for, and keep it when sending fails', async () => {
    const draft = { to: 'grace@navy.example', subject: 'Draft', text: 'Hello' };
    const { id: draftId } = (await ada.post('email-drafts', draft)).body;
    crm.sendgrid.failNext({ status: 500 });
    expect((await ada.post('email-drafts/send', { draftId })).status).toBe(502);
    crm.sendgrid.clear();
    const answers = await Promise.all(
      [1, 2, 3].map(() => ada.post('email-drafts/send', { draftId })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 404, 404]);
    expect(crm.sendgrid.mails).toHaveLength(1);
  });

  it('need whole input', async () => {
    for (const body of [
      {},
      { ...text, to: '0170 123' },
      { ...text, to: ['+14155550100'] },
      { ...text, body: { $gt: '' } },
      { ...text, body: 'x'.repeat(1601) },
    ]) {
      const answer = await ada.post('twilio/sms', body);
      expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID' } } });
      expect(Object.keys(answer.body.error.fields)).toHaveLength(1);
    }
  });
});

describe('settings', () => {
  it('show masks, and take them back as unchanged', async () => {
    const { providers } = (await ada.get('settings')).body;
    const shown = providers.find(({ name }: { name: string }) => name === 'twilio');
    expect(shown).toMatchObject({ state: 'configured', missing: [], title: 'Twilio' });
    const fields = Object.fromEntries(
      shown.fields.map(({ name, masked = '' }: { name: string; masked?: string }) => [
        name,
        masked,
      ]),
    );
    expect(fields.authToken).toBe(`••••••••${acme.twilio.authToken.slice(-4)}`);
    const form = { ...fields, agentPhoneNumber: '+14155550198' };
    const saved = await ada.post('settings', {
      providers: { twilio: { etag: shown.etag, fields: form } },
    });
    expect(saved.status).toBe(200);
    const stored = await crm.vault.require('acme', 'twilio');
    expect(stored.reveal()).toMatchObject({ ...acme.twilio, agentPhoneNumber: '+14155550198' });
  });

  it('never show the plaintext that an old document still holds [L4]', async () => {
    const gus = await logIn(globex);
    const { body } = await gus.get('settings');
    expect(body.settings).toEqual({ company_name: 'Globex', email_signature: '' });
    expect(JSON.stringify(body)).not.toContain(globex.twilio.authToken);
    await gus.post('settings', {
      providers: {
        twilio: {
          etag: null,
          fields: { accountSid: globex.twilio.accountSid, authToken: 'f1'.repeat(16) },
        },
      },
    });
    const document = await db.collection('settings').findOne({ user_id: 'globex' });
    expect(document?.twilio_auth_token).toContain(globex.twilio.authToken); // not written to
  });

  it('name every field that is wrong, and save none of them', async () => {
    const before = await crm.vault.list('acme');
    const fields = { accountSid: 'wrong', apiKey: 'SK1', authToken: '•••• typed', region: 5 };
    const answer = await ada.post('settings', { providers: { twilio: { etag: null, fields } } });
    expect(answer.status).toBe(400);
    expect(Object.keys(answer.body.error.fields)).toEqual(Object.keys(fields));
    const good = { smtp: { etag: null, fields: { hostname: 'smtp.example' } } };
    const both = { settings: {}, providers: { ...good, twilio: { etag: null, fields } } };
    expect((await ada.post('settings', both)).status).toBe(400);
    expect(await crm.vault.list('acme')).toEqual(before);
  });

  it('refuse what they do not know, and a record that is not the one shown', async () => {
    const providers = (name: string, value: object) =>
      ada.post('settings', { providers: { [name]: value } });
    expect((await providers('stripe', { etag: null, fields: {} })).status).toBe(404);
    expect((await providers('twilio', { etag: null, fields: { other: 'x' } })).status).toBe(400);
    expect((await ada.post('settings', { settings: { $where: '1' } })).status).toBe(400);
    expect((await ada.post('settings', { settings: { twilio_auth_token: 'x' } })).status).toBe(400);
    const fields = { region: 'ie1' };
    for (const etag of [null, '', 'A'.repeat(16)]) {
      const late = await providers('twilio', { etag, fields });
      expect(late).toMatchObject({ status: 409, body: { error: { code: 'ERR_CONFLICT' } } });
    }
    for (const etag of [undefined, 1, true, { $ne: null }, ['x']]) {
      expect((await providers('twilio', { etag, fields })).status).toBe(428);
    }
  });

  it('test a connection, not too often', async () => {
    const test = () => ada.post('settings/test', { provider: 'twilio' });
    expect(await test()).toEqual({ status: 200, body: { ok: true } });
    const nothing = { status: 200, body: { ok: false, code: 'ERR_NOT_CONFIGURED' } };
    expect(await ada.post('settings/test', { provider: 'smtp' })).toMatchObject(nothing);
    const statuses = [];
    for (let n = 0; n < 10; n++) statuses.push((await test()).status);
    expect(statuses.at(-1)).toBe(429);
    const others = await (await logIn(initech)).post('settings/test', { provider: 'twilio' });
    expect(others).toMatchObject(nothing);
  });

  it('show activity in the words of the page', async () => {
    const { events } = (await ada.get('settings/activity')).body;
    expect(events).toContainEqual(
      expect.objectContaining({ title: 'Twilio', action: 'test', outcome: 'ok' }),
    );
    expect(JSON.stringify(events)).toContain('Auth token');
  });
});

describe('errors', () => {
  it('say what is missing', async () => {
    const ivy = await logIn(initech);
    expect(await ivy.post('twilio/sms', text)).toMatchObject({
      status: 409,
      body: { error: { code: 'ERR_NOT_CONFIGURED' } },
    });
    await crm.vault.put('initech', 'sendgrid', { apiKey: initech.sendgridKey });
    const mail = { to: 'a@b.example', subject: 'Hello', text: 'Hello' };
    expect(await ivy.post('email/send', mail)).toMatchObject({
      status: 409,
      body: { error: { message: 'Enter "Sender" in the settings first.' } },
    });
  });

  it('pass on what the provider says, without the credentials', async () => {
    crm.twilio.failNext({ status: 429, code: 20429 });
    const answer = await ada.post('twilio/sms', text);
    expect(answer).toMatchObject({ status: 502, body: { error: { code: 'ERR_PROVIDER' } } });
    expect(answer.body.error.message).toContain('20429');
  });

  it('of the operator are not explained to the user', async () => {
    const data = 'AAAA'.repeat(20);
    await db.collection('secrets').insertOne({ tenantId: 'initech', provider: 'twilio', data });
    const answer = await (await logIn(initech)).post('twilio/sms', text);
    expect(answer).toMatchObject({
      status: 500,
      body: { error: { code: 'ERR_DECRYPTION_FAILED' } },
    });
    expect(answer.body.error.message).toBe('Something is wrong on our side. It has been logged.');
  });

  it('of reading a request repeat nothing of it', async () => {
    const send = (body: string) =>
      ada
        .raw('POST', 'settings', body)
        .then(async (response) => [response.status, await response.text()]);
    const [status, answer] = await send('{"secret-that-was-pasted');
    expect(status).toBe(400);
    expect(answer).not.toContain('pasted');
    expect((await send(JSON.stringify({ a: 'x'.repeat(40_000) })))[0]).toBe(413);
    expect((await ada.get('nothing-here')).status).toBe(404);
  });
});

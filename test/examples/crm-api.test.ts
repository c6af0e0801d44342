import { credentialFingerprint } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { Users } from '../../examples/crm/data/users.ts';
import { crmSite, password } from './crm-site.ts';

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
    await ada.post('settings', { email_signature: 'Ada, Acme' });
    const mail = { to: 'grace@navy.example', subject: 'Hello', text: '<b>How are you?</b>' };
    expect(await ada.post('email/send', mail)).toMatchObject({ status: 202 });
    expect(crm.sendgrid.mails.at(-1)).toMatchObject({
      from: acme.senderEmail,
      text: '<b>How are you?</b>\n\nAda, Acme',
      html: '',
    });
  });

  it('go to leads only, as calls do', async () => {
    const before = crm.twilio.messages.length;
    for (const path of ['twilio/sms', 'twilio/whatsapp']) {
      const answer = await ada.post(path, { ...text, to: '+19005550100' });
      expect(answer).toMatchObject({
        status: 404,
        body: { error: { message: 'This number is not among your leads.' } },
      });
    }
    // those of another tenant are not ours
    const elsewhere = { name: 'Other', phone: '+14155550177', email: 'other@b.example' };
    await (await logIn(initech)).post('leads', elsewhere);
    expect((await ada.post('twilio/sms', { ...text, to: elsewhere.phone })).status).toBe(404);
    expect(crm.twilio.messages).toHaveLength(before);
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

describe('a draft', () => {
  const draft = { to: 'grace@navy.example', subject: 'Draft', text: 'Hello' };
  const add = async () => (await ada.post('email-drafts', draft)).body.id as string;
  const states = async () =>
    (await ada.get('email-drafts')).body.drafts.map(({ state }: { state: string }) => state);
  const send = (draftId: string, again = false) =>
    ada.post('email-drafts/send', { draftId, again });

  it('is sent once, however often it is asked for, and then gone', async () => {
    const id = await add();
    crm.sendgrid.failNext({ status: 429 });
    expect((await send(id)).status).toBeGreaterThanOrEqual(400);
    expect(await states()).toEqual(['draft']); // refused, so it is kept
    crm.sendgrid.clear();
    const answers = await Promise.all([1, 2, 3].map(() => send(id)));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 404, 404]);
    expect(crm.sendgrid.mails).toHaveLength(1);
    expect(await states()).toEqual([]);
  });

  it.each([{ drop: true }, { status: 504 }] as const)(
    'is not sent twice where the provider may have taken it: %j',
    async (failure) => {
      const id = await add();
      crm.sendgrid.failNext(failure);
      expect((await send(id)).status).toBe(502);
      expect(await states()).toEqual(['unclear']);
      expect((await send(id)).status).toBe(404); // not by itself, nor by a second click
      expect((await send(id, true)).status).toBe(202); // its owner decides
      expect(await states()).toEqual([]);
    },
  );

  it('does not stay in "sending" when the process was killed', async () => {
    const drafts = db.collection('email_drafts');
    const id = await add();
    await drafts.updateOne({ id }, { $set: { state: 'sending', since: new Date() } });
    expect(await states()).toEqual(['sending']);
    expect((await send(id, true)).status).toBe(404); // another process may be at it
    const since = new Date(Date.now() - 6 * 60_000);
    await drafts.updateOne({ id }, { $set: { since } });
    expect(await states()).toEqual(['unclear']);
    expect((await ada.delete(`email-drafts/${id}`)).status).toBe(200);
    expect(await states()).toEqual([]);
    expect((await ada.delete(`email-drafts/${id}`)).status).toBe(404);
  });
});

describe('settings', () => {
  it('are those of the package, with masks', async () => {
    const shown = await ada.provider('twilio');
    expect(shown).toMatchObject({ state: 'configured', label: 'Twilio', ready: { sms: true } });
    const { masked } = shown.fields.find(({ name }) => name === 'authToken') ?? {};
    expect(masked).toBe(`••••••••${acme.twilio.authToken.slice(-4)}`);
    expect((await ada.save('twilio', { agentPhoneNumber: '+14155550198' })).status).toBe(200);
    const stored = await crm.vault.require('acme', 'twilio');
    expect(stored.reveal()).toMatchObject({ ...acme.twilio, agentPhoneNumber: '+14155550198' });
    expect(shown.webhooks.map(({ url }) => url)).toEqual([
      `${crm.url}/webhooks/twilio/sms`,
      `${crm.url}/webhooks/twilio/acme/voice`,
    ]);
  });

  it('never show the plaintext that an old document still holds [L4]', async () => {
    const gus = await logIn(globex);
    const { body } = await gus.get('settings');
    expect(body.settings).toEqual({ company_name: 'Globex', email_signature: '' });
    const { accountSid } = globex.twilio;
    const saved = await gus.save('twilio', { accountSid, authToken: 'f1'.repeat(16) });
    expect(saved.status).toBe(200);
    expect(JSON.stringify([body, saved])).not.toContain(globex.twilio.authToken);
    const document = await db.collection('settings').findOne({ user_id: 'globex' });
    expect(document?.twilio_auth_token).toContain(globex.twilio.authToken); // not written to
  });

  it('refuse what they do not know', async () => {
    expect((await ada.post('settings', { $where: '1' })).status).toBe(400);
    expect((await ada.post('settings', { twilio_auth_token: 'x' })).status).toBe(400);
    expect((await ada.post('settings', { company_name: { $ne: 1 } })).status).toBe(400);
  });

  it('show who did what, and not what the timers did', async () => {
    const sink = await crm.vault.require('acme', 'twilio', { actor: 'crm' }); // as upkeep.ts
    expect(sink.accountSid).toBe(acme.twilio.accountSid);
    const { activity } = (await ada.get('provider-settings')).body;
    expect(activity).toContainEqual(
      expect.objectContaining({
        action: 'patch',
        message: `Twilio: Agent's phone number changed by ${acme.email}`,
      }),
    );
    expect(JSON.stringify(activity)).not.toContain('"actor":"crm"');
  });

  it('count every use of a busy day', async () => {
    const used = { action: 'get', provider: 'twilio', fields: [], outcome: 'ok', source: 'vault' };
    await db
      .collection('secrets_audit')
      .insertMany(
        Array.from({ length: 250 }, () => ({ ...used, tenantId: 'busy', at: new Date() })),
      );
    await new Users(db).add('bea@busy.example', password, {
      name: 'Bea',
      tenantId: 'busy',
      role: 'member',
    });
    const bea = await logIn({ email: 'bea@busy.example' });
    const [{ message }] = (await bea.get('provider-settings')).body.activity;
    expect(message).toBe('Twilio: used 250 times today');
  });
});

describe('errors', () => {
  it('say what is missing', async () => {
    const ivy = await logIn(initech);
    expect(await ivy.post('twilio/sms', text)).toMatchObject({
      status: 409,
      body: {
        error: {
          code: 'ERR_NOT_CONFIGURED',
          message: 'Connect Twilio in Settings to send texts.',
        },
      },
    });
    await crm.vault.put('initech', 'sendgrid', { apiKey: initech.sendgridKey });
    const mail = { to: 'a@b.example', subject: 'Hello', text: 'Hello' };
    expect(await ivy.post('email/send', mail)).toMatchObject({
      status: 409,
      body: { error: { message: 'Enter "Sender" in the settings first.' } },
    });
  });

  it('pass on what the provider says, without the credentials', async () => {
    crm.twilio.failNext({ status: 500, code: 20500 });
    const answer = await ada.post('twilio/sms', text);
    expect(answer).toMatchObject({ status: 502, body: { error: { code: 'ERR_PROVIDER' } } });
    expect(answer.body.error.message).toContain('20500');
  });

  it('say how long to wait where the provider has had too many requests', async () => {
    const wait = async (path: string, body: object) => {
      const { status, headers } = await ada.raw('POST', path, JSON.stringify(body));
      return [status, headers.get('retry-after')];
    };
    crm.twilio.failNext({ status: 429, headers: { 'retry-after': '77' } });
    expect(await wait('twilio/sms', text)).toEqual([429, '77']);
    crm.twilio.failNext({ status: 429 });
    expect(await wait('twilio/sms', text)).toEqual([429, '30']);
    crm.sendgrid.failNext({ status: 429, headers: { 'retry-after': '88' } });
    const mail = { to: 'grace@navy.example', subject: 'Hello', text: 'Hello' };
    expect(await wait('email/send', mail)).toEqual([429, '88']);
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

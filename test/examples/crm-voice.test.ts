import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { crmSite } from './crm-site.ts';

const { crm, db, ada, logIn } = await crmSite();
const { acme, globex } = crm.tenants;
const { leads } = (await ada.get('leads')).body;

/** As Twilio sends it: signed with the auth token of an account. */
function asTwilio(
  url: string,
  params: Record<string, string> = {},
  { token = acme.twilio.authToken, signedUrl = url } = {},
): Promise<Response> {
  const signature = twilio.getExpectedTwilioSignature(token, signedUrl, params);
  return fetch(url, {
    method: 'POST',
    headers: { 'x-twilio-signature': signature },
    body: new URLSearchParams(params),
  });
}

describe('an outbound call', () => {
  it('rings the agent, then connects the lead', async () => {
    const lead = leads[0];
    const answer = await ada.post('twilio/outbound-call', { leadId: lead.id });
    expect(answer).toMatchObject({ status: 201, body: { status: 'queued' } });
    const call = crm.twilio.calls.at(-1);
    expect(call).toMatchObject({ to: '+14155550199', from: acme.phoneNumber });
    expect(call?.url).toBe(`${crm.url}/webhooks/twilio/acme/bridge/${lead.id}`);

    const twiml = await asTwilio(call?.url as string, { CallSid: call?.sid as string });
    expect(twiml.status).toBe(200);
    expect(twiml.headers.get('content-type')).toMatch('text/xml');
    const text = await twiml.text();
    expect(text).toContain(`callerId="${acme.phoneNumber}"`);
    expect(text).toContain(`<Number>${lead.phone}</Number>`);
  });
});

describe('a webhook', () => {
  const url = `${crm.url}/webhooks/twilio/acme/voice`;
  const params = { CallSid: `CA${'0'.repeat(32)}`, To: leads[1].phone };

  it('connects a lead, and nobody else', async () => {
    const known = await (await asTwilio(url, params)).text();
    expect(known).toContain(`<Number>${leads[1].phone}</Number>`);
    for (const To of ['+19005550100', 'client:admin', '<Number>+19005550100</Number>', '']) {
      const other = await (await asTwilio(url, { ...params, To })).text();
      expect(other).toContain('<Say>');
      expect(other).not.toContain('<Dial');
    }
  });

  it('is refused without the signature of this very account, URL and content', async () => {
    const refused = [
      await fetch(url, { method: 'POST', body: new URLSearchParams(params) }),
      await asTwilio(url, params, { token: globex.twilio.authToken }),
      await asTwilio(url, params, { signedUrl: url.replace('acme', 'globex') }),
      await asTwilio(`${url}?x=1`, params, { signedUrl: url }),
      await asTwilio(url, params, { signedUrl: url.replace('127.0.0.1', 'evil.example') }),
      // who is unknown gets the same answer
      await asTwilio(url.replace('acme', 'nobody'), params),
      await asTwilio(url.replace('acme', '__proto__'), params),
    ];
    const answers = await Promise.all(refused.map((response) => response.text()));
    expect(refused.map(({ status }) => status)).toEqual(refused.map(() => 403));
    expect(new Set(answers).size).toBe(1);
  });

  it('is answered in TwiML, also when something is wrong', async () => {
    const sayings = async (response: Promise<Response>) => {
      const { status, headers, text } = await response.then(async (answer) => ({
        status: answer.status,
        headers: answer.headers,
        text: await answer.text(),
      }));
      expect(headers.get('content-type')).toMatch('text/xml');
      return [status, /<Say>(.*)<\/Say>/.exec(text)?.[1]];
    };
    const bridge = `${crm.url}/webhooks/twilio/acme/bridge/unknown`;
    expect(await sayings(asTwilio(bridge))).toEqual([200, 'There is no such lead.']);
    expect(await sayings(asTwilio(url.replace('acme', 'nobody'), params))).toEqual([
      403,
      'The signature is not valid.',
    ]);
    const { phoneNumber } = (await crm.vault.require('acme', 'twilio')).reveal();
    await crm.vault.patch('acme', 'twilio', { phoneNumber: null });
    expect(await sayings(asTwilio(url, params))).toEqual([
      200,
      'Enter "Phone number" in the settings first.',
    ]);
    await crm.vault.patch('acme', 'twilio', { phoneNumber });
    const data = 'AAAA'.repeat(20);
    await db.collection('secrets').insertOne({ tenantId: 'initech', provider: 'twilio', data });
    expect(await sayings(asTwilio(url.replace('acme', 'initech'), params))).toEqual([
      500,
      'Something is wrong on our side. It has been logged.',
    ]);
  });

  it('does not look at the host that the sender names', async () => {
    const path = '/webhooks/twilio/acme/voice';
    const send = async (signedUrl: string) => {
      const headers = {
        host: 'evil.example', // fetch would not let us
        'x-forwarded-host': 'evil.example',
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(
          acme.twilio.authToken,
          signedUrl,
          params,
        ),
      };
      const sent = request(url, { method: 'POST', headers });
      sent.end(new URLSearchParams(params).toString());
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      response.resume();
      return response.statusCode;
    };
    expect(await send(url)).toBe(200);
    expect(await send(`http://evil.example${path}`)).toBe(403);
    expect(await send(`https://evil.example${path}`)).toBe(403);
  });
});

describe('an access token', () => {
  it('is for the user who is logged in, and for an hour', async () => {
    const { status, body } = await ada.post('twilio/access-token', { identity: 'somebody-else' });
    expect(status).toBe(200);
    const payload = JSON.parse(Buffer.from(body.token.split('.')[1], 'base64url').toString());
    expect(payload).toMatchObject({
      iss: acme.twilio.apiKey,
      sub: acme.twilio.accountSid,
      grants: { identity: acme.email },
    });
    expect(payload.exp - payload.iat).toBe(3600);
  });

  it('says so where it is for incoming calls only', async () => {
    const without = (await ada.post('twilio/access-token')).body;
    expect(without).toMatchObject({ incomingOnly: true });
    expect(without.note).toContain('TwiML app SID');
    await crm.vault.patch('acme', 'twilio', { twimlAppSid: `AP${'0'.repeat(32)}` });
    const { incomingOnly, note } = (await ada.post('twilio/access-token')).body;
    expect([incomingOnly, note]).toEqual([false, undefined]);
  });

  it('needs an API key', async () => {
    await crm.vault.put('globex', 'twilio', {
      accountSid: globex.twilio.accountSid,
      authToken: globex.twilio.authToken,
    });
    const answer = await (await logIn(globex)).post('twilio/access-token');
    expect(answer).toMatchObject({
      status: 409,
      body: {
        error: {
          code: 'ERR_NOT_CONFIGURED',
          message: 'Connect Twilio with an API key in the settings to call from the browser.',
        },
      },
    });
  });
});

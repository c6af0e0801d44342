import { generateKeyPairSync, sign } from 'node:crypto';
import twilio from 'twilio';
import { describe, expect, it } from 'vitest';
import { crmSite } from './crm-site.ts';

const { crm, db, ada } = await crmSite();
const { acme, globex } = crm.tenants;
const [lead] = (await ada.get('leads')).body.leads ?? (await ada.get('leads')).body;
const notes = async (tenantId: string) =>
  (await db.collection('leads').find({ tenantId }).toArray()).flatMap(({ notes = [] }) => notes);

describe('an SMS to a number of a tenant', () => {
  const url = `${crm.url}/webhooks/twilio/sms`;
  const sms = { From: lead.phone, To: acme.phoneNumber, SmsStatus: 'received', Body: 'Call me' };
  const post = (params: Record<string, string>, token: string) =>
    fetch(url, {
      method: 'POST',
      headers: { 'x-twilio-signature': twilio.getExpectedTwilioSignature(token, url, params) },
      body: new URLSearchParams(params),
    });

  it('finds its tenant by the account, and proves it by the signature', async () => {
    const params = { ...sms, AccountSid: acme.twilio.accountSid };
    expect((await post(params, acme.twilio.authToken)).status).toBe(200);
    expect(await notes('acme')).toEqual(['SMS: Call me']);
  });

  it('is refused where the account is unknown, or another one has signed', async () => {
    const unknown = { ...sms, AccountSid: `AC${'e'.repeat(32)}` };
    const params = { ...sms, AccountSid: acme.twilio.accountSid };
    expect((await post(unknown, acme.twilio.authToken)).status).toBe(403);
    expect((await post(params, globex.twilio.authToken)).status).toBe(403);
    expect(await notes('acme')).toHaveLength(1);
  });
});

describe("SendGrid's events", () => {
  it('count for the tenant in the path, whose key has signed them', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const webhookPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    await crm.vault.patch('acme', 'sendgrid', { webhookPublicKey });
    const body = JSON.stringify([{ email: lead.email, event: 'bounce' }]);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = sign('sha256', Buffer.from(timestamp + body), privateKey).toString('base64');
    const post = (tenantId: string, sent = body) =>
      fetch(`${crm.url}/webhooks/sendgrid/${tenantId}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-twilio-email-event-webhook-signature': signature,
          'x-twilio-email-event-webhook-timestamp': timestamp,
        },
        body: sent,
      });
    expect((await post('acme')).status).toBe(204);
    expect(await notes('acme')).toContain('Mail bounced');
    for (const response of [
      await post('acme', body.replace('bounce', 'open')),
      await post('globex'),
      await post('nobody'),
      await post('__proto__'),
    ]) {
      expect(response.status).toBe(403);
    }
  });
});

describe('forged webhooks', () => {
  it('crowd nothing out of the activity, and are limited', async () => {
    await ada.save('twilio', { region: 'us1' });
    const changed = async () =>
      (await ada.get('provider-settings')).body.activity.filter(
        ({ action }: { action: string }) => action === 'patch',
      ).length;
    const before = await changed();
    const url = `${crm.url}/webhooks/twilio/acme/voice`;
    const statuses: number[] = [];
    for (let n = 0; n < 130; n++) {
      const response = await fetch(url, {
        method: 'POST',
        body: new URLSearchParams({ n: `${n}` }),
      });
      statuses.push(response.status);
    }
    expect(new Set(statuses)).toEqual(new Set([403, 429]));
    expect(statuses.filter((status) => status === 403).length).toBeLessThanOrEqual(120);
    // one refused event for each minute, as the audit trail sums them up
    await db.collection('secrets_audit').insertMany(
      Array.from({ length: 1_000 }, (_, n) => ({
        at: new Date(Date.now() + n),
        action: 'webhook',
        tenantId: 'acme',
        provider: 'twilio',
        fields: [],
        outcome: 'refused',
        code: 'invalid_signature',
        source: 'vault',
      })),
    );
    expect(before).toBeGreaterThan(0);
    expect(await changed()).toBe(before);
  });
});

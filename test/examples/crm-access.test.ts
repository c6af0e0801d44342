import { describe, expect, it } from 'vitest';
import { CrmClient } from '../../examples/demo/crm-client.ts';
import { secretsOf } from '../../examples/demo/tenants.ts';
import { crmSite, password } from './crm-site.ts';

const { crm, db, logIn, ada, logLines } = await crmSite();
const { acme, globex } = crm.tenants;
const gus = await logIn(globex);

const ROUTES: readonly (readonly [string, string])[] = [
  ['GET', 'settings'],
  ['POST', 'settings'],
  ['DELETE', 'settings/twilio'],
  ['POST', 'settings/test'],
  ['GET', 'settings/activity'],
  ['GET', 'leads'],
  ['POST', 'leads'],
  ['POST', 'twilio/access-token'],
  ['POST', 'twilio/outbound-call'],
  ['POST', 'twilio/sms'],
  ['POST', 'twilio/whatsapp'],
  ['POST', 'email/send'],
  ['GET', 'email-drafts'],
  ['POST', 'email-drafts'],
  ['POST', 'email-drafts/send'],
];

describe('without a session', () => {
  it.each(ROUTES)('%s /api/%s is refused', async (method, path) => {
    const nobody = new CrmClient(crm.url);
    await nobody.get('session'); // has a CSRF token
    const { status } = await nobody.request(method, path, method === 'GET' ? undefined : {});
    expect(status).toBe(401);
  });
});

describe('cross-site requests', () => {
  it.each(ROUTES.filter(([method]) => method !== 'GET'))(
    '%s /api/%s needs the CSRF token of this very session',
    async (method, path) => {
      const token = (await gus.get('session')).body.csrfToken;
      for (const stolen of ['', 'made-up', token]) {
        const answer = await ada.request(method, path, {}, { 'x-csrf-token': stolen });
        expect(answer).toMatchObject({ status: 403, body: { error: { code: 'CSRF' } } });
      }
    },
  );

  it('covers login as well', async () => {
    const client = new CrmClient(crm.url);
    expect((await client.post('session', { email: acme.email, password })).status).toBe(403);
  });
});

describe('sessions', () => {
  it('start with a new id, whatever the browser had before', async () => {
    const response = await fetch(`${crm.url}/api/session`, {
      headers: { cookie: 'crm-session=planted' },
    });
    const { csrfToken } = (await response.json()) as { csrfToken: string };
    const csrfCookie = response.headers.getSetCookie().map((cookie) => cookie.split(';')[0]);
    const login = await fetch(`${crm.url}/api/session`, {
      method: 'POST',
      headers: {
        cookie: ['crm-session=planted', ...csrfCookie].join('; '),
        'x-csrf-token': csrfToken,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ email: acme.email, password }),
    });
    const cookie = login.headers.getSetCookie().find((one) => /^crm-session=[\w-]/.test(one));
    expect(cookie).not.toContain('planted');
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Lax/);
  });

  it('are kept by hash, and end at logout', async () => {
    const client = await logIn(acme);
    const cookie = client.cookie('crm-session');
    const stored = JSON.stringify(await db.collection('sessions').find().toArray());
    expect(stored).not.toContain(cookie);
    await client.delete('session');
    const { status } = await new CrmClient(crm.url).request('GET', 'settings', undefined, {
      cookie: `crm-session=${cookie}`,
    });
    expect(status).toBe(401);
  });

  it('are not given for a wrong password, and one answer does for both mistakes', async () => {
    const client = new CrmClient(crm.url);
    await client.get('session');
    const wrong = await client.post('session', { email: acme.email, password: 'wrong' });
    const unknown = await client.post('session', { email: 'nobody@acme.example', password });
    expect(wrong).toMatchObject({ status: 401 });
    expect(unknown).toEqual(wrong);
    const injected = await client.post('session', { email: { $ne: null }, password });
    expect(injected.status).toBe(400);
  });
});

describe('another tenant', () => {
  it('is not reached by naming it', async () => {
    const before = await crm.vault.list('acme');
    await gus.post('settings', {
      tenantId: 'acme',
      user_id: 'acme',
      settings: { company_name: 'Taken' },
      providers: { openai: { tenantId: 'acme', etag: null, fields: { apiKey: 'of-globex' } } },
    });
    expect(await crm.vault.list('acme')).toEqual(before);
    expect((await ada.get('settings')).body.settings.company_name).toBe('');
    expect((await crm.vault.require('globex', 'openai')).apiKey).toBe('of-globex');
  });

  it('keeps its leads, drafts and activity to itself', async () => {
    const { leads } = (await ada.get('leads')).body;
    const call = await gus.post('twilio/outbound-call', { leadId: leads[0].id });
    expect(call.status).toBe(404);
    const mail = { to: 'a@b.example', subject: 'Mine', text: 'Hello' };
    const draft = (await ada.post('email-drafts', mail)).body;
    expect((await gus.post('email-drafts/send', { draftId: draft.id })).status).toBe(404);
    expect((await gus.get('email-drafts')).body).toEqual({ drafts: [] });
    expect(JSON.stringify((await gus.get('settings/activity')).body)).not.toContain(acme.email);
  });
});

it('sets the headers that browsers need', async () => {
  const { headers } = await fetch(`${crm.url}/api/session`);
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(headers.get('content-security-policy')).not.toContain('unsafe');
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('x-powered-by')).toBeNull();
  expect(headers.get('access-control-allow-origin')).toBeNull();
});

it('logs each request, and neither secrets nor cookies', () => {
  expect(logLines.length).toBeGreaterThan(20);
  const text = logLines.join('');
  expect(text).toContain('"path":"/api/settings"');
  expect(text).toContain('"tenantId":"acme"');
  for (const secret of [...secretsOf(crm.tenants), password, 'of-globex']) {
    expect(text.includes(secret)).toBe(false);
  }
});

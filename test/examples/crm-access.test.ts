import { describe, expect, it } from 'vitest';
import { Users } from '../../examples/crm/data/users.ts';
import { CrmClient } from '../../examples/demo/crm-client.ts';
import { secretsOf } from '../../examples/demo/tenants.ts';
import { crmSite, password } from './crm-site.ts';

const { crm, db, logIn, ada, logLines } = await crmSite();
const { acme, globex } = crm.tenants;
const gus = await logIn(globex);

const ROUTES: readonly (readonly [string, string])[] = [
  ['GET', 'provider-settings'],
  ['PATCH', 'provider-settings/twilio'],
  ['DELETE', 'provider-settings/twilio'],
  ['POST', 'provider-settings/twilio/test'],
  ['GET', 'settings'],
  ['POST', 'settings'],
  ['GET', 'connect'],
  ['POST', 'connect/googleMail'],
  ['DELETE', 'connect/googleMail'],
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
  ['DELETE', 'email-drafts/any'],
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

describe('roles', () => {
  it('let a member see and test credentials, and an admin alone change and delete them', async () => {
    const email = 'max@acme.example';
    const person = { name: 'Max', tenantId: 'acme', role: 'member' } as const;
    await new Users(db).add(email, password, person);
    const max = await logIn({ email });
    const { body } = await max.get('provider-settings');
    expect(body.may).toEqual({ read: true, test: true, write: false, remove: false });
    const [{ etag }] = body.providers;
    const before = await crm.vault.list('acme');
    const mine = { 'if-match': `"${etag}"` };
    const statuses = [
      await max.save('twilio', { region: 'ie1' }),
      await max.request('DELETE', 'provider-settings/twilio', undefined, mine),
      await max.post('connect/googleMail', { account: email }),
      await max.request('DELETE', 'connect/googleMail', { etag: 'x' }),
    ].map(({ status }) => status);
    expect(statuses).toEqual([403, 403, 403, 403]);
    expect(await crm.vault.list('acme')).toEqual(before);
    expect((await max.post('provider-settings/twilio/test')).body).toMatchObject({ ok: true });
    expect((await ada.get('provider-settings')).body.may).toMatchObject({ write: true });
    // of a user from before there were roles, nothing is assumed
    await db
      .collection<{ _id: string }>('users')
      .updateOne({ _id: email }, { $unset: { role: 1 } });
    const again = await logIn({ email });
    expect((await again.get('provider-settings')).body.may).toMatchObject({ write: false });
  });
});

describe('a page of another account', () => {
  it('is told so, before anything is read or changed', async () => {
    const page = { 'x-account': encodeURIComponent(acme.email) };
    for (const [method, path] of ROUTES) {
      const body = method === 'GET' ? undefined : {};
      const answer = await gus.request(method, path, body, page);
      expect(answer).toMatchObject({ status: 401, body: { error: { code: 'OTHER_ACCOUNT' } } });
    }
    expect((await ada.request('GET', 'leads', undefined, page)).status).toBe(200);
  });
});

describe('passwords', () => {
  it('count as they are, also with white space around them', async () => {
    const person = { name: 'Pat', tenantId: 'acme', role: 'member' } as const;
    const client = new CrmClient(crm.url);
    await client.get('session');
    for (const spaced of [' leading and trailing ', 'the end\t']) {
      const email = `${spaced.length}@acme.example`;
      await new Users(db).add(email, spaced, person);
      const statuses = [];
      for (const typed of [spaced.trim(), spaced]) {
        statuses.push((await client.post('session', { email, password: typed })).status);
      }
      expect(statuses).toEqual([401, 200]);
    }
  });

  it('may be of white space alone, and an e-mail address is text', async () => {
    const email = 'blank@acme.example';
    await new Users(db).add(email, ' '.repeat(12), {
      name: 'Bo',
      tenantId: 'acme',
      role: 'member',
    });
    const client = new CrmClient(crm.url);
    await client.get('session');
    const nested = `{"email":${'['.repeat(9_000)}${']'.repeat(9_000)},"password":"x"}`;
    expect((await client.raw('POST', 'session', nested)).status).toBe(400);
    expect((await client.post('session', { email, password: ' '.repeat(12) })).status).toBe(200);
  });

  it('are not guessed: an account has a limit of its own', async () => {
    const email = 'guessed@acme.example';
    const person = { name: 'Gil', tenantId: 'acme', role: 'member' } as const;
    await new Users(db).add(email, password, person);
    const client = new CrmClient(crm.url);
    await client.get('session');
    const spellings = [email, email.toUpperCase(), ` ${email}`];
    const statuses: number[] = [];
    for (let n = 0; n < 11; n++) {
      const typed = { email: spellings[n % 3], password: `guess ${n}` };
      statuses.push((await client.post('session', typed)).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
    expect((await client.post('session', { email, password })).status).toBe(429);
    const refused = await client.raw('POST', 'session', JSON.stringify({ email, password }));
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
    // nobody else is locked out
    expect((await client.post('session', { email: acme.email, password })).status).toBe(200);
  });
});

describe('another tenant', () => {
  it('is not reached by naming it', async () => {
    const before = await crm.vault.list('acme');
    expect((await gus.post('settings', { user_id: 'acme', company_name: 'X' })).status).toBe(400);
    await gus.post('settings?user_id=acme&tenantId=acme', { company_name: 'Taken' });
    const condition = { 'if-none-match': '*', 'x-tenant-id': 'acme' };
    const save = (query: string, more: object) =>
      gus.request(
        'PATCH',
        `provider-settings/openai${query}`,
        { fields: { apiKey: 'of-globex' }, ...more },
        condition,
      );
    expect((await save('', { tenantId: 'acme' })).status).toBe(400);
    expect((await save('?tenantId=acme', {})).status).toBe(200);
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
    expect(JSON.stringify((await gus.get('provider-settings')).body)).not.toContain(acme.email);
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
  expect(text).toContain('"path":"/api/provider-settings"');
  expect(text).toContain('"tenantId":"acme"');
  for (const secret of [...secretsOf(crm.tenants), password, 'of-globex']) {
    expect(text.includes(secret)).toBe(false);
  }
});

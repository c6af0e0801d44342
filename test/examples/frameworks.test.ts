import { FakeTwilio } from 'provider-vault/testing';
import { afterAll, describe, expect, inject, it, vi } from 'vitest';
import { buildServer } from '../../examples/fastify/server.ts';
import {
  GET,
  PATCH,
} from '../../examples/next-route/app/api/provider-settings/[[...path]]/route.ts';
import { sessionCookie } from '../../examples/next-route/lib/session.ts';
import { getVault } from '../../examples/next-route/lib/vault.ts';
import { testDatabase } from '../support/database.ts';
import { accountSid, auditEvents, authToken, memoryVault, newKey } from '../support/fixtures.ts';

const { db } = await testDatabase();
const token = `${authToken(1).slice(0, -4)}wxyz`;
const credentials = { accountSid: accountSid(1), authToken: token, phoneNumber: '+15005550006' };
const twilio = await FakeTwilio.start({
  accounts: [{ accountSid: accountSid(1), authToken: token }],
});
afterAll(() => twilio.close());

const origin = 'https://crm.example';

describe('fastify', async () => {
  const { vault } = memoryVault();
  const server = buildServer({
    vault,
    origin,
    twilio: twilio.clientOptions(),
    sessionOf: ({ headers }) => {
      const [tenantId, actor = '', role] = String(headers['x-test-session'] ?? '').split('/');
      return tenantId ? { tenantId, actor, isAdmin: role === 'admin' } : undefined;
    },
  });
  const url = await server.listen({ port: 0, host: '127.0.0.1' });
  afterAll(() => server.close());

  async function send(method: string, path: string, body?: object, more: object = {}) {
    const response = await fetch(url + path, {
      method,
      headers: {
        origin,
        'x-test-session': 'acme/ada/admin',
        ...(body && { 'content-type': 'application/json' }),
        ...more,
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, body: text && JSON.parse(text) };
  }
  const settings = '/api/provider-settings';
  const save = (fields: object, more: object = {}) =>
    send('PATCH', `${settings}/twilio`, { fields }, { 'if-none-match': '*', ...more });
  const as = (session: string) => ({ 'x-test-session': session });

  it('lets nobody in without a session, and no other site change anything', async () => {
    expect((await send('GET', settings, undefined, as(''))).status).toBe(401);
    expect((await save(credentials, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await save(credentials, as('acme/bob'))).status).toBe(403);
    expect(await vault.get('acme', 'twilio')).toBeUndefined();
  });

  it('saves a form, with the actor, and shows masks', async () => {
    const events = await auditEvents(async () => {
      expect((await save(credentials)).status).toBe(200);
    });
    expect(events).toMatchObject([{ action: 'patch', actor: 'ada' }]);
    for (const path of [settings, `${settings}/`]) {
      const { text, body } = await send('GET', path);
      expect(body.providers[0].state).toBe('configured');
      expect(text).toContain('••••••••wxyz');
      expect(text).not.toContain(token);
    }
    const other = await send('GET', settings, undefined, as('globex/eve/admin'));
    expect(other.body.providers[0].state).toBe('missing');
    expect((await send('POST', `${settings}/twilio/test`)).body).toMatchObject({ ok: true });
    expect((await save({ region: 'x'.repeat(70_000) })).status).toBe(413);
    expect((await save({ accountSid: 'wrong' })).status).toBe(422);
  });

  it('sends a message, and maps errors', async () => {
    const text = { to: '+14155550100', body: 'Hello' };
    const events = await auditEvents(async () => {
      expect((await send('POST', '/sms', text)).status).toBe(201);
    });
    expect(events.map(({ action, actor }) => [action, actor])).toEqual([
      ['get', 'ada'],
      ['get', 'ada'],
    ]);
    expect(twilio.messages.at(-1)).toMatchObject({ accountSid: accountSid(1), to: text.to });
    expect(await send('POST', '/sms', text, as('globex/eve'))).toMatchObject({
      status: 409,
      body: { message: 'Connect Twilio in Settings to send texts.' },
    });
    expect((await send('POST', '/sms', { ...text, to: 5 })).status).toBe(400);
    expect((await send('POST', '/sms', { ...text, tenantId: 'globex' })).status).toBe(400);
    twilio.failNext({ status: 500 });
    expect((await send('POST', '/sms', text)).status).toBe(502);
  });
});

describe('the route handler for Next', () => {
  const url = new URL(inject('mongoUri'));
  url.pathname = `/${db.databaseName}`;
  vi.stubEnv('MONGO_URL', url.href);
  vi.stubEnv('APP_ENCRYPTION_KEY', newKey());
  vi.stubEnv('SESSION_SECRET', 's'.repeat(32));
  vi.stubEnv('PUBLIC_URL', 'https://crm.example');
  afterAll(() => vi.unstubAllEnvs());

  const request = (tenant: string | undefined, fields?: unknown, origin = 'https://crm.example') =>
    new Request(
      `https://crm.example/api/provider-settings${fields === undefined ? '' : '/twilio'}`,
      {
        headers: {
          origin,
          'content-type': 'application/json',
          'if-none-match': '*',
          ...(tenant !== undefined && {
            cookie: sessionCookie({ tenantId: tenant, actor: 'ada' }),
          }),
        },
        ...(fields !== undefined && { method: 'PATCH', body: JSON.stringify({ fields }) }),
      },
    );
  const stateOf = (text: string) => JSON.parse(text).providers[0].state;

  it('saves a form and shows masks', async () => {
    const events = await auditEvents(async () => {
      expect((await PATCH(request('acme', credentials))).status).toBe(200);
    });
    expect(events).toMatchObject([{ action: 'patch', actor: 'ada' }]);
    const shown = await GET(request('acme'));
    expect(shown.headers.get('cache-control')).toBe('no-store');
    const text = await shown.text();
    expect(stateOf(text)).toBe('configured');
    expect(text).not.toContain(token);
    expect((await (await getVault()).require('acme', 'twilio')).authToken).toBe(token);
    expect(stateOf(await (await GET(request('globex'))).text())).toBe('missing');
  });

  it('refuses strangers, forged sessions and other origins', async () => {
    expect((await GET(request(undefined))).status).toBe(401);
    const forged = request(undefined);
    forged.headers.set(
      'cookie',
      sessionCookie({ tenantId: 'acme', actor: 'ada' }).replace(/=\w+/, '=Z2xvYmV4'),
    );
    expect((await GET(forged)).status).toBe(401);
    const elsewhere = request('acme', credentials, 'https://evil.example');
    expect((await PATCH(elsewhere)).status).toBe(403);
  });

  it('reads no further than its limit', async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1024;
        controller.enqueue(new Uint8Array(1024).fill(0x20));
      },
    });
    const { url: address, headers } = request('acme', {});
    const init = { method: 'PATCH', headers, body: endless, duplex: 'half' } as RequestInit;
    expect((await PATCH(new Request(address, init))).status).toBe(413);
    expect(pulled).toBeLessThan(80 * 1024);
  });

  it('answers with the statuses of the contract', async () => {
    for (const [status, fields] of [
      [400, ['x']],
      [400, { accountSid: { $ne: 1 } }],
      [422, { accountSid: 'wrong' }],
      [412, credentials],
    ] as const) {
      expect((await PATCH(request('acme', fields))).status).toBe(status);
    }
  });
});

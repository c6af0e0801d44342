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

describe('fastify', () => {
  const { vault } = memoryVault();
  const server = buildServer({
    vault,
    twilio: twilio.clientOptions(),
    sessionOf: ({ headers }) => {
      const tenantId = headers['x-test-session'] as string | undefined;
      return tenantId === undefined ? undefined : { tenantId, actor: 'ada' };
    },
  });
  const as = (tenant: string) => ({ headers: { 'x-test-session': tenant } });
  const put = (payload: object, tenant = 'acme') =>
    server.inject({ method: 'PUT', url: '/settings/twilio', payload, ...as(tenant) });
  afterAll(() => server.close());

  it('lets nobody in without a session', async () => {
    expect((await server.inject('/settings/twilio')).statusCode).toBe(401);
  });

  it('saves a form and shows masks', async () => {
    expect((await put(credentials)).statusCode).toBe(200);
    const shown = await server.inject({ url: '/settings/twilio', ...as('acme') });
    expect(shown.json()).toMatchObject({
      state: 'configured',
      fields: { authToken: { masked: '••••••••wxyz' } },
    });
    expect(shown.body).not.toContain(token);
    const other = await server.inject({ url: '/settings/twilio', ...as('globex') });
    expect(other.json()).toMatchObject({ state: 'missing' });
  });

  it('sends a message, and maps errors', async () => {
    const send = (tenant: string, payload: object) =>
      server.inject({ method: 'POST', url: '/sms', payload, ...as(tenant) });
    const text = { to: '+14155550100', body: 'Hello' };
    const events = await auditEvents(async () => {
      expect((await send('acme', text)).statusCode).toBe(201);
    });
    expect(events.map(({ action, actor }) => [action, actor])).toEqual([
      ['get', 'ada'],
      ['get', 'ada'],
    ]);
    expect(twilio.messages.at(-1)).toMatchObject({ accountSid: accountSid(1), to: text.to });
    expect((await send('globex', text)).json()).toMatchObject({ error: 'ERR_NOT_CONFIGURED' });
    expect((await send('acme', { ...text, to: 5 })).statusCode).toBe(400);
    expect((await send('acme', { ...text, tenantId: 'globex' })).statusCode).toBe(400);
    expect((await put({ accountSid: 'wrong' })).statusCode).toBe(400);
    twilio.failNext({ status: 500 });
    expect((await send('acme', text)).statusCode).toBe(502);
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

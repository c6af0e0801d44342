import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { Keyring, SecretsVault } from 'provider-vault';
import {
  defineOAuthProvider,
  finishConnect,
  googleMail,
  microsoft365,
  slack,
  startConnect,
} from 'provider-vault/oauth';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { memoryVault, newKey, rejection } from '../support/fixtures.ts';
import { startOidcServer } from '../support/oidc-server.ts';

const server = await startOidcServer();
afterAll(() => server.close());
const app = { clientId: 'crm', clientSecret: 'crm-secret' };
const REDIRECT = 'http://127.0.0.1/callback';

const provider = (url = server.url, options: object = {}) =>
  defineOAuthProvider(app, {
    name: 'oidc',
    issuer: url,
    authorizationEndpoint: `${url}/auth`,
    tokenEndpoint: `${url}/token`,
    scopes: ['offline_access', 'openid'],
    parameters: { prompt: 'consent' },
    ...options,
  });
const started = { tenantId: 'acme', redirectUri: REDIRECT, account: 'sales@acme.test' };

describe('the connect flow', () => {
  it('stores the tokens of a customer who agrees, and they are renewed', async () => {
    let now = Date.now();
    const { vault } = memoryVault({ now: () => now });
    const definition = provider();
    const { url, transaction } = await startConnect(vault, definition, started);
    const query = Object.fromEntries(new URL(url).searchParams);
    expect(query).toMatchObject({
      response_type: 'code',
      client_id: 'crm',
      redirect_uri: REDIRECT,
      code_challenge_method: 'S256',
      login_hint: 'sales@acme.test',
      scope: 'offline_access openid',
    });
    expect(query.state).toMatch(/^[\w-]{43}$/);
    expect(transaction).not.toContain(query.state);
    expect(await vault.list('acme')).toEqual([]);

    const callback = await server.agree(url);
    expect(callback.startsWith(`${REDIRECT}?code=`)).toBe(true);
    const finish = { tenantId: 'acme', url: callback, transaction, actor: 'ann' };
    const info = await finishConnect(vault, definition, finish);
    expect(info).toMatchObject({ rev: 1, updatedBy: 'ann' });
    expect(info.expiresAt?.getTime()).toBeGreaterThan(now + 3_500_000);
    const fields = (await vault.fresh('acme', definition)).reveal();
    expect(fields).toMatchObject({ account: 'sales@acme.test' });

    now += 3_500_000;
    const renewed = await vault.fresh('acme', definition);
    expect(renewed.accessToken).not.toBe(fields.accessToken);
    expect(renewed.refreshToken).not.toBe(fields.refreshToken);
    expect(renewed.account).toBe('sales@acme.test');
    // the code is used up
    now -= 3_500_000;
    expect(await rejection(finishConnect(vault, definition, finish))).toMatchObject({
      code: 'ERR_PROVIDER',
      providerCode: 'invalid_grant',
    });
    expect(inspect(definition, { depth: 9, showHidden: true })).not.toContain('crm-secret');
  });

  it('refuses what does not belong to the transaction, before it asks the provider', async () => {
    let now = Date.now();
    const { vault, store } = memoryVault({ now: () => now });
    const definition = provider();
    const { url, transaction } = await startConnect(vault, definition, started);
    const other = await startConnect(vault, definition, { ...started, tenantId: 'beta' });
    const callback = await server.agree(url);
    const requests = server.told.requests;
    const finish = (options: object, by = definition) =>
      rejection(
        finishConnect(vault, by, { tenantId: 'acme', url: callback, transaction, ...options }),
      );
    const wrongState = new URL(callback);
    wrongState.searchParams.set('state', 'x'.repeat(43));
    const foreign = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    const theirs = await startConnect(foreign, definition, started);
    const nothing = null as never;
    const invalid = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await rejection(startConnect(vault, definition, nothing))).toEqual(invalid);
    expect(await rejection(finishConnect(vault, definition, nothing))).toEqual(invalid);
    expect(await finish({}, nothing)).toEqual(invalid);
    for (const [options, by] of [
      [{ url: wrongState }],
      [{ url: wrongState.href.replace(/[?].*/, '') }],
      [{ url: wrongState.pathname + wrongState.search }], // as `request.url` of Node has it
      [{ url: undefined }],
      [{ transaction: other.transaction }], // of another tenant
      [{ tenantId: 'beta' }],
      [{ transaction: theirs.transaction }], // under another key
      [{ transaction: `${transaction.slice(0, -8)}AAAAAAA=` }],
      [{ transaction: undefined }],
      [{ transaction: '' }],
      [{ transaction: 'x'.repeat(10_000) }],
      [{ tenantId: { $ne: null } }],
      [{}, provider(server.url, { name: 'another' })],
      [{}, provider('http://127.0.0.1:1')], // another issuer
    ] as const) {
      expect(await finish(options, by as never)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    now += 10 * 60_000 + 1;
    expect(await finish({})).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(server.told.requests).toBe(requests);
    expect(await store.list('acme')).toEqual([]);
  });

  it('says that the customer said no, and that the provider does not answer', async () => {
    const { vault } = memoryVault();
    const { url, transaction } = await startConnect(vault, provider(), started);
    const { searchParams } = new URL(url);
    const denied = new URL(REDIRECT);
    denied.searchParams.set('error', 'access_denied');
    denied.searchParams.set('state', searchParams.get('state') ?? '');
    const finish = { tenantId: 'acme', url: denied, transaction };
    expect(await rejection(finishConnect(vault, provider(), finish))).toMatchObject({
      code: 'ERR_PROVIDER',
      providerCode: 'access_denied',
    });
    const nobody = provider(server.url, { tokenEndpoint: 'http://127.0.0.1:1/token' });
    const callback = await server.agree(url);
    const error = await rejection(finishConnect(vault, nobody, { ...finish, url: callback }));
    expect(error).toMatchObject({ code: 'ERR_PROVIDER', providerCode: 'unknown' });
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/code=|crm-secret/);
  });

  it.each<[string, object, object]>([
    ['no client id', { clientId: '' }, {}],
    ['an endpoint without TLS', app, { tokenEndpoint: 'http://provider.test/token' }],
    ['no URL', app, { authorizationEndpoint: 'nowhere' }],
    ['no scopes', app, { scopes: 'openid' }],
  ])('does not define a provider with %s', (_what, given, options) => {
    expect(() => googleMail(given as typeof app, options)).toThrowError(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
  });
});

it('an account without a refresh token works to its end, and must be connected again then', async () => {
  const { vault } = memoryVault();
  const definition = provider();
  const connect = (leftMs: number) =>
    vault.put('acme', definition, {
      accessToken: 'a0',
      expiresAt: new Date(Date.now() + leftMs).toISOString(),
    });
  const state = async () => (await vault.status('acme', definition)).health?.state;
  await connect(60_000);
  expect((await vault.fresh('acme', definition)).accessToken).toBe('a0');
  expect(await state()).toBe('expiring');
  await connect(-1);
  expect(await rejection(vault.fresh('acme', definition))).toMatchObject({
    code: 'ERR_REFRESH_FAILED',
    message: expect.stringContaining('connect the account again'),
  });
  expect(await state()).toBe('needs_reauthorization');
});

describe('the presets', () => {
  it('ask for what brings a refresh token', async () => {
    const { vault } = memoryVault();
    const query = async (definition: ReturnType<typeof provider>) => {
      const { url } = await startConnect(vault, definition as never, started);
      return [new URL(url).origin, Object.fromEntries(new URL(url).searchParams)];
    };
    expect(await query(googleMail(app) as never)).toMatchObject([
      'https://accounts.google.com',
      { access_type: 'offline', prompt: 'consent', scope: 'https://mail.google.com/' },
    ]);
    expect(await query(microsoft365(app) as never)).toMatchObject([
      'https://login.microsoftonline.com',
      { scope: 'offline_access https://outlook.office.com/SMTP.Send' },
    ]);
    const scopes = ['chat:write', 'users:read'];
    expect(await query(slack(app, { scopes }) as never)).toMatchObject([
      'https://slack.com',
      { scope: 'chat:write users:read' },
    ]);
  });

  it('read the answers of Slack, which are of a form of their own', async () => {
    let answer: object = {};
    const requests: string[] = [];
    const standIn = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      requests.push(body);
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
    }).listen(0, '127.0.0.1');
    await once(standIn, 'listening');
    onTestFinished(() => void standIn.close());
    const { port } = standIn.address() as AddressInfo;
    const definition = slack(app, { tokenEndpoint: `http://127.0.0.1:${port}/` });
    const { vault } = memoryVault();
    const expiresAt = new Date().toISOString();
    await vault.put('acme', definition, { accessToken: 'a0', refreshToken: 'r0', expiresAt });
    answer = {
      ...{ ok: true, access_token: 'a1', refresh_token: 'r1', token_type: 'bot' },
      ...{ expires_in: 43_200, team: { id: 'T1' } },
    };
    expect((await vault.fresh('acme', definition)).reveal()).toMatchObject({
      accessToken: 'a1',
      refreshToken: 'r1',
    });
    expect(Object.fromEntries(new URLSearchParams(requests[0]))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'r0',
      client_id: 'crm',
      client_secret: 'crm-secret',
    });
    await vault.patch('acme', definition, { expiresAt });
    answer = { ok: false, error: 'invalid_refresh_token' };
    expect(await rejection(vault.fresh('acme', definition))).toMatchObject({
      code: 'ERR_REFRESH_FAILED',
    });
    expect((await vault.status('acme', definition)).health).toMatchObject({
      state: 'needs_reauthorization',
    });
  });
});

import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { transform } from 'esbuild';
import * as library from 'provider-vault';
import { FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import twilio from 'twilio';
import { afterAll, describe, expect, it } from 'vitest';
import { codeBlocks } from '../support/code-blocks.ts';
import {
  accountSid,
  authToken,
  memoryVault,
  sendgridKey,
  twilioAccount,
} from '../support/fixtures.ts';

type Handler = (request: object, response: object) => Promise<unknown>;

/** The TypeScript blocks of a guide, as functions of the names that they use. */
async function codeOf(guide: string) {
  const text = await readFile(new URL(`../../docs/guides/${guide}.md`, import.meta.url), 'utf8');
  const blocks = codeBlocks(text, 'ts').map(({ code }) => code);
  return async (at: number, names: Record<string, unknown>, result = 'undefined') => {
    const all: Record<string, unknown> = { ...library, ...names };
    const source = `async function block() {\n${blocks[at]}\nreturn ${result};\n}`;
    const { code } = await transform(source, { loader: 'ts' });
    const run = new Function(...Object.keys(all), `${code}\nreturn block();`);
    return run(...Object.values(all));
  };
}

/** An answer of Express, as far as the guides use it. */
function response() {
  const sent: { status: number; body?: unknown } = { status: 200 };
  const answer = {
    status: (code: number) => {
      sent.status = code;
      return answer;
    },
    type: () => answer,
    send: (body: unknown) => {
      sent.body = body;
    },
    json: (body: unknown) => {
      sent.body = body;
    },
    end: () => {},
  };
  return { answer, sent };
}

describe('A webhook arrives', async () => {
  const run = await codeOf('a-webhook-arrives');
  const { vault } = memoryVault();
  const inbox: unknown[] = [];
  const handlers = new Map<string, Handler>();
  const route = (path: string, handler: Handler) => void handlers.set(path, handler);
  const names = {
    app: { post: route, get: route },
    vault,
    config: { publicUrl: 'https://crm.example' },
    inbox: { add: async (tenantId: string, body: unknown) => void inbox.push([tenantId, body]) },
  };
  const call = async (path: string, request: object) => {
    const { answer, sent } = response();
    await handlers.get(path)?.(request, answer);
    return sent;
  };

  it('finds the tenant of a Twilio webhook', async () => {
    await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
    await run(0, names);
    const body = { AccountSid: accountSid(1), To: '+14155550100', Body: 'hi' };
    const post = (token: string) =>
      call('/webhooks/twilio', {
        originalUrl: '/webhooks/twilio',
        body,
        get: () =>
          twilio.getExpectedTwilioSignature(token, 'https://crm.example/webhooks/twilio', body),
      });
    expect(await post(authToken(1))).toEqual({ status: 200, body: '<Response/>' });
    expect(inbox).toEqual([['acme', body]]);
    expect(await post(authToken(2))).toEqual({ status: 403 });
  });

  it("takes the tenant of SendGrid's from the path", async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const webhookPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    await vault.put('acme', 'sendgrid', { apiKey: sendgridKey(1), webhookPublicKey });
    await run(1, names);
    const body = Buffer.from('[{"event":"open"}]');
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = sign('sha256', Buffer.concat([Buffer.from(timestamp), body]), privateKey);
    const get = (name: string) =>
      name.endsWith('timestamp') ? timestamp : signature.toString('base64');
    const path = '/webhooks/sendgrid/:tenantId';
    expect(await call(path, { params: { tenantId: 'acme' }, body, get })).toEqual({ status: 204 });
    expect(inbox.at(-1)).toEqual(['acme', [{ event: 'open' }]]);
    const other = { params: { tenantId: 'acme' }, body: Buffer.from('[]'), get };
    expect(await call(path, other)).toEqual({ status: 403 });
  });

  it('tells who has an account, and mends what is missing', async () => {
    await run(2, names);
    const query = { accountSid: accountSid(1) };
    expect((await call('/support/owners', { query })).body).toEqual({ tenants: ['acme'] });
    await run(3, names);
  });
});

describe('Replace a key at the provider', async () => {
  const run = await codeOf('replace-a-key');
  const standIn = await FakeTwilio.start({ accounts: [twilioAccount(1)] });
  const scopes = ['mail.send', 'api_keys.read', 'api_keys.create', 'api_keys.delete'];
  const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1), scopes }] });
  afterAll(() => Promise.all([standIn.close(), sendgrid.close()]));
  const sdk = { client: standIn.clientOptions(), baseUrl: sendgrid.url, graceMs: 0 };
  const now = { ms: Date.now() };
  const { vault } = memoryVault({ now: () => now.ms });
  const { rotateCredential, rotateDue } = library;
  const names = {
    vault,
    tenantId: 'acme',
    actor: 'ann',
    log: { warn: (failed: unknown) => expect(failed).toEqual([]) },
    rotateCredential: (of: typeof vault, options: library.RotateOptions) =>
      rotateCredential(of, { ...options, ...sdk }),
    rotateDue: (of: typeof vault, options: library.RotateDueOptions) =>
      rotateDue(of, { ...options, ...sdk }),
  };

  it('replaces one, and by a timer those that are old', async () => {
    await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
    await vault.put('acme', 'sendgrid', { apiKey: sendgridKey(1) });
    await run(0, names);
    expect((await vault.require('acme', 'twilio')).authToken).not.toBe(authToken(1));
    expect(await run(1, names, 'report')).toMatchObject({ due: 0 });
    now.ms += 91 * 24 * 3_600_000;
    expect(await run(1, names, 'report')).toMatchObject({ due: 2, rotated: 2 });
    expect((await vault.require('acme', 'sendgrid')).apiKey).not.toBe(sendgridKey(1));
  });

  it('replaces what another definition says', async () => {
    const tokens = new Map([['t0', '']]);
    const api = {
      createToken: async (_by: string, name: string) => {
        tokens.set(`t${tokens.size}`, name);
        return `t${tokens.size - 1}`;
      },
      deleteTokensNamed: async (_by: string, name: string) => {
        for (const [token, named] of tokens) if (named === name) tokens.delete(token);
      },
      isValid: async (token: string) => tokens.has(token),
      deleteToken: async (_by: string, token: string) => void tokens.delete(token),
    };
    const beacon = await run(2, { ...names, api }, 'beacon');
    await vault.put('acme', beacon, { token: 't0' });
    await rotateCredential(vault, { tenantId: 'acme', provider: beacon, graceMs: 0 });
    expect([...tokens.keys()]).toEqual(['t1']);
  });
});

describe('Clients of a tenant', async () => {
  const run = await codeOf('clients');
  const standIn = await FakeTwilio.start({ accounts: [twilioAccount(1)] });
  const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1) }] });
  afterAll(() => Promise.all([standIn.close(), sendgrid.close()]));
  const { vault } = memoryVault();
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const webhookPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const account = twilioAccount(1);
  const [apiKey = { sid: '', secret: '' }] = account.apiKeys;
  await vault.put('acme', 'twilio', {
    accountSid: account.accountSid,
    authToken: account.authToken,
    apiKey: apiKey.sid,
    apiSecret: apiKey.secret,
  });
  await vault.put('acme', 'sendgrid', { apiKey: sendgridKey(1), webhookPublicKey });
  const { getTwilioClient, getSendGridClient, testConnection } = library;
  const { answer, sent } = response();
  const names = {
    vault,
    tenantId: 'acme',
    user: { id: 'ann' },
    config: { publicUrl: 'https://crm.example' },
    response: answer,
    ...{ to: '+14155550100', from: '+14155550101', body: 'Hello' },
    ...{ subject: 'Hello', text: 'How are you?' },
    getTwilioClient: (of: typeof vault, options: library.TwilioClientOptions) =>
      getTwilioClient(of, {
        ...options,
        client: { ...options.client, ...standIn.clientOptions() },
      }),
    getSendGridClient: (of: typeof vault, options: library.SendGridClientOptions) =>
      getSendGridClient(of, { ...options, baseUrl: sendgrid.url }),
    testConnection: (of: typeof vault, options: library.TestConnectionOptions) =>
      testConnection(of, { ...options, client: standIn.clientOptions() }),
  };

  it('sends, and makes a voice token', async () => {
    const client = await run(0, names, 'twilio');
    await run(4, { ...names, twilio: client });
    expect(standIn.messages).toMatchObject([{ body: 'Hello' }]);
    standIn.failNext({ status: 400, code: 21211, message: 'no such number' });
    expect(await run(4, { ...names, twilio: client })).toBe('no such number');
    await run(2, { ...names, ...{ to: 'a@example.com', from: 'b@example.com' } });
    expect(sendgrid.mails).toHaveLength(1);
    expect(await run(5, names, '{ ok, code }')).toEqual({ ok: true, code: undefined });
  });

  it('verifies webhooks', async () => {
    const body = { AccountSid: account.accountSid, Body: 'hi' };
    const url = 'https://crm.example/webhooks/twilio';
    const request = (signature: string) => ({
      originalUrl: '/webhooks/twilio',
      body,
      get: () => signature,
    });
    const genuine = request(twilio.getExpectedTwilioSignature(account.authToken, url, body));
    expect(await run(1, { ...names, request: genuine }, 'ok && token')).toMatch(/^ey/);
    await run(1, { ...names, request: request('forged') });
    expect(sent.status).toBe(403);

    const rawBody = Buffer.from('[{"event":"open"}]');
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signed = Buffer.concat([Buffer.from(timestamp), rawBody]);
    const signature = sign('sha256', signed, privateKey).toString('base64');
    const get = (name: string) => (name.endsWith('timestamp') ? timestamp : signature);
    expect(await run(3, { ...names, request: { get }, rawBody }, 'ok')).toBe(true);
  });
});

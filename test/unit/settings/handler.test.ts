import fc from 'fast-check';
import {
  type AuditEvent,
  defineProvider,
  type FieldDefinition,
  SecretsVault,
  sendgridProvider,
  twilioProvider,
} from 'provider-vault';
import { createSettingsHandler } from 'provider-vault/settings';
import { FakeTwilio, FaultyStore } from 'provider-vault/testing';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  auditEvents,
  authToken,
  memoryVault,
  newKey,
  twilioAccount,
} from '../../support/fixtures.ts';
import { inputs } from '../../support/fuzz.ts';
import { inTime } from '../../support/outcome.ts';
import {
  BASE,
  credentials,
  etagOf,
  everything,
  expectForm,
  relay,
  requestOf,
  settingsSite,
} from './site.ts';

describe('GET /', () => {
  it('shows every provider, and of secrets the masks only', async () => {
    const { vault, send, bodies } = settingsSite();
    const number = '+15005550006';
    await vault.put('acme', 'twilio', { ...credentials, phoneNumber: number }, { actor: 'bob' });
    for (const path of ['', '/']) {
      const { status, body } = await send(path);
      expect(status).toBe(200);
      expectForm('SettingsOverview', body);
      expect(body).toMatchObject({ version: 1, activity: [], may: everything });
      expect(body.providers.map(({ name }: { name: string }) => name)).toEqual([
        'twilio',
        'sendgrid',
        'relay',
      ]);
      expect(body.providers[0]).toMatchObject({
        label: 'Twilio',
        state: 'configured',
        missing: [],
        ready: { sms: true, calls: false, whatsapp: false },
        etag: await etagOf(vault),
        updatedBy: 'bob',
        testable: true,
      });
      expect(body.providers[1]).toMatchObject({
        state: 'missing',
        etag: null,
        ready: { email: false },
      });
    }
    const shown = bodies.join();
    expect(shown).toContain(accountSid(1));
    expect(shown).toContain(`••••••••${authToken(1).slice(-4)}`);
    expect(shown).not.toContain(authToken(1));
  });

  it('names the ways to connect, the recommended one first', async () => {
    const twilio = await settingsSite().view('twilio');
    expect(twilio.methods).toMatchObject([
      { id: 'api-key', recommended: true },
      { id: 'auth-token', label: 'Auth token', fields: ['accountSid', 'authToken'] },
      { id: 'oauth', label: 'OAuth app' },
    ]);
    const sid = twilio.fields.find(({ name }) => name === 'accountSid');
    expect(sid).toMatchObject({
      set: false,
      secret: false,
      help: expect.stringContaining('Console'),
    });
    expect(new RegExp(sid?.pattern ?? '').test(accountSid(1))).toBe(true);
  });

  it('names a recommended way first, wherever the definition has it', async () => {
    const pager = defineProvider({
      name: 'pager',
      fields: { token: { label: 'Token', secret: true }, key: { label: 'Key', secret: true } },
      complete: [['token'], ['key']],
      methods: [
        { id: 'token', label: 'Token', fields: ['token'] },
        { id: 'key', label: 'Key', fields: ['key'], recommended: true },
      ],
    });
    const { methods } = await settingsSite({ providers: [pager] }).view('pager');
    expect(methods.map(({ id }) => id)).toEqual(['key', 'token']);
  });

  it('shows a tenant its own records only, whatever the request says', async () => {
    const { vault, view, send } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    expect((await view('twilio', 'globex/eve')).state).toBe('missing');
    const forged = await send('/?tenantId=acme', {
      as: 'globex/eve',
      headers: { 'x-tenant-id': 'acme' },
    });
    expect(forged.text).not.toContain(accountSid(1));
  });

  it('shows what the environment overrides, and what cannot be opened', async () => {
    const env = { TWILIO_ACCOUNT_SID: accountSid(2), TWILIO_AUTH_TOKEN: authToken(2) };
    const { vault, store, view, bodies } = settingsSite({ env, envOverride: 'all' });
    await vault.put('acme', 'twilio', { ...credentials, phoneNumber: '+15005550006' });
    expect(await view('twilio')).toMatchObject({ state: 'overridden', ready: { sms: true } });
    const record = { tenantId: 'acme', provider: 'sendgrid', data: 'AAAA'.repeat(20) };
    await store.put(record, null);
    expect(await view('sendgrid')).toMatchObject({
      state: 'unreadable',
      reason: 'ERR_DECRYPTION_FAILED',
      etag: 'AAAA'.repeat(4),
    });
    expect(bodies.join()).not.toContain(authToken(2));
  });

  it('names the webhooks that the host knows', async () => {
    const webhooks = (tenantId: string, provider: string) =>
      provider === 'sendgrid' ? [{ label: 'Events', url: `https://crm.example/${tenantId}` }] : [];
    const { view } = settingsSite({ webhooks });
    expect((await view('sendgrid')).webhooks).toEqual([
      { label: 'Events', url: 'https://crm.example/acme' },
    ]);
    expect((await view('twilio')).webhooks).toEqual([]);
  });

  it('is there, and a save succeeds, when the webhooks of the host fail', async () => {
    const errors: unknown[] = [];
    const fail = () => {
      throw new Error('no webhooks today');
    };
    const onError = (error: unknown) => errors.push(error);
    const { view, patch } = settingsSite({ webhooks: fail, onError });
    expect((await view('twilio')).webhooks).toEqual([]);
    expect((await patch('twilio', credentials, null)).status).toBe(200);
    expect(errors).toHaveLength(4);
  });

  it('sends what users have chosen without a character of markup', async () => {
    const name = '<img src=x onerror=alert(1)> & "co" 🙂\u2028';
    const actor = '<b>ada</b>';
    const { vault, view, bodies } = settingsSite();
    await vault.put('acme', 'smtp', { hostname: 'a.example', password: 'p'.repeat(12) });
    await vault.put('acme', relay, { host: name, user: 'u', password: 'p' }, { actor });
    const shown = await view('relay');
    expect(shown.fields[0]?.masked).toBe(name);
    expect(shown.updatedBy).toBe(actor);
    expect(bodies.join()).not.toMatch(/[<>&\u2028]/);
  });

  it('works with a definition that the vault was not given', async () => {
    const { vault } = memoryVault();
    const handle = createSettingsHandler({
      vault,
      providers: [relay],
      basePath: '/',
      identify: () => ({ tenantId: 'acme', actor: 'ada', may: everything }),
    });
    await vault.put('acme', relay, { host: 'a.example', user: 'u', password: 'p'.repeat(20) });
    const response = await handle(new Request('http://crm.example/'));
    const { providers } = JSON.parse(await response.text());
    expect(providers).toMatchObject([{ name: 'relay', state: 'configured' }]);
    expect(providers[0].fields[0]).toMatchObject({ name: 'host', masked: 'a.example' });
  });
});

describe('PATCH /:provider', () => {
  it('saves, with the actor, and answers with the view and its etag', async () => {
    const { vault, send, patch } = settingsSite();
    const events = await auditEvents(async () => {
      const saved = await patch('twilio', credentials, null);
      expect(saved.status).toBe(200);
      expectForm('ProviderView', saved.body);
      expect(saved.body).toMatchObject({ state: 'configured', updatedBy: 'ada' });
      expect(saved.headers.get('etag')).toBe(`"${saved.body.etag}"`);
    });
    expect(events).toMatchObject([
      { action: 'patch', tenantId: 'acme', actor: 'ada', outcome: 'ok' },
    ]);
    expect((await vault.require('acme', 'twilio')).reveal()).toEqual(credentials);
    const slash = await send('/twilio/', {
      method: 'PATCH',
      body: { fields: { region: 'ie1', authToken: '', accountSid: accountSid(1) } },
      etag: await etagOf(vault),
    });
    expect(slash.status).toBe(200);
    const removed = await patch('twilio', { region: null }, await etagOf(vault));
    expect(removed.status).toBe(200);
    expect((await vault.require('acme', 'twilio')).reveal()).toEqual(credentials);
  });

  it('changes nothing where the page is sent back as it was', async () => {
    const { vault, patch, view } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    const { fields, etag } = await view('twilio');
    const form = Object.fromEntries(fields.map(({ name, masked = '' }) => [name, masked]));
    expect((await patch('twilio', form, etag)).body.etag).toBe(etag);
  });

  it('keeps the first of two saves, and shows the second how it is now', async () => {
    const { vault, patch } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    const etag = await etagOf(vault);
    const both = await Promise.all([
      patch('twilio', { phoneNumber: '+15005550001' }, etag, 'acme/ada'),
      patch('twilio', { phoneNumber: '+15005550002' }, etag, 'acme/bob'),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412]);
    const won = both.find(({ status }) => status === 200)?.body;
    const lost = both.find(({ status }) => status === 412)?.body;
    expect(lost.error.code).toBe('ERR_CONFLICT');
    expect(lost.error.message).toBe(`Twilio was changed by ${won.updatedBy}.`);
    expect(lost.current).toEqual(won);
  });

  it.each<[string, string | null, boolean]>([
    ['a first save where something is stored', null, true],
    ['a save where nothing is stored', 'A'.repeat(16), false],
    ['an etag of another version', 'A'.repeat(16), true],
    ['an empty etag', '', true],
  ])('412: %s', async (_what, etag, isStored) => {
    const { vault, patch } = settingsSite();
    if (isStored) await vault.put('acme', 'twilio', credentials);
    const { status, body } = await patch('twilio', { region: 'ie1' }, etag);
    expect(status).toBe(412);
    expect(body.current.etag).toBe(await etagOf(vault));
    expect(body.current.fields.some(({ set }: { set: boolean }) => set)).toBe(isStored);
  });

  it('412: a stale page that changes nothing', async () => {
    const { vault, patch } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    for (const form of [{}, { accountSid: credentials.accountSid, authToken: '' }]) {
      expect((await patch('twilio', form, 'A'.repeat(16))).status).toBe(412);
      expect((await patch('twilio', form, null)).status).toBe(412);
    }
  });

  it('422: says that a mask was typed into, and takes none for a value', async () => {
    const { vault, patch } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    const etag = await etagOf(vault);
    const { body } = await patch('twilio', { authToken: '••••••••1f1fx' }, etag);
    expect(body.errors).toEqual({
      authToken: 'This holds a part of a mask. Enter the whole value.',
    });
  });

  it.each<[string, string]>([
    ['a lone surrogate', '\ud800'],
    ['a NUL', 'a\u0000b'],
    ['200 emoji', '🙂'.repeat(200)],
    ['a text from right to left', '\u202eabc'],
    ['markup', '"><script>alert(1)</script>'],
  ])('keeps or refuses %s, and never fails', async (_what, region) => {
    const { view, patch } = settingsSite({ providers: [relay] });
    const saved = await patch('relay', { user: region }, null);
    expect([200, 422]).toContain(saved.status);
    const [, user] = (await view('relay')).fields;
    if (saved.status === 200) expect(user?.masked).toBe(region);
    else expect(Object.keys(saved.body.errors)).toEqual(['user']);
  });

  it('422: says which field is too long beside those that are stored', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'] as const;
    const described = names.map((name) => [name, { label: name, secret: false }]);
    const wide = defineProvider({
      name: 'wide',
      fields: Object.fromEntries(described) as Record<(typeof names)[number], FieldDefinition>,
      complete: [['a']],
    });
    const { vault, patch } = settingsSite({ providers: [wide] });
    const long = 'x'.repeat(60_000);
    await vault.put('acme', wide, { a: long, b: long, c: long, d: long });
    const { status, body } = await patch('wide', { a: 'x', e: long }, await etagOf(vault, 'wide'));
    expect(status).toBe(200);
    const etag = body.etag;
    const refused = await patch('wide', { a: 'y'.repeat(60_000) }, etag);
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual({ a: 'This is too long.' });
  });

  it('422: names all field errors at once, and writes nothing', async () => {
    const { vault, patch } = settingsSite();
    const { status, body } = await patch(
      'twilio',
      { accountSid: '<b>x</b>', authToken: 'two words', region: 'ie1', nothing: 'x', edge: '••' },
      null,
    );
    expect(status).toBe(422);
    expect(body.error.code).toBe('ERR_INVALID_ARGUMENT');
    expect(Object.keys(body.errors).sort()).toEqual(['accountSid', 'authToken', 'edge', 'nothing']);
    expect(body.errors.accountSid).toContain('"AC" and 32 hex digits');
    expect(JSON.stringify(body)).not.toMatch(/<b>|two words/);
    expect(await vault.get('acme', 'twilio')).toBeUndefined();
  });

  it.each<[number, string, Record<string, string>]>([
    [428, 'no condition', {}],
    [400, 'If-Match: *', { 'if-match': '*' }],
    [400, 'a list', { 'if-match': '"a", "b"' }],
    [400, 'a list without space', { 'if-match': '"a","b"' }],
    [400, 'a weak etag', { 'if-match': 'W/"a"' }],
    [400, 'an etag without quotes', { 'if-match': 'abc' }],
    [400, 'an empty condition', { 'if-match': '' }],
    [400, 'If-None-Match with an etag', { 'if-none-match': '"a"' }],
    [400, 'both conditions', { 'if-match': '"a"', 'if-none-match': '*' }],
  ])('%i: %s', async (status, _what, headers) => {
    const { vault, send } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    const before = await etagOf(vault);
    const body = { fields: { region: 'ie1' } };
    expect((await send('/twilio', { method: 'PATCH', body, headers })).status).toBe(status);
    expect(await etagOf(vault)).toBe(before);
  });

  it.each<[string, unknown]>([
    ['no JSON', '{'],
    ['nothing', ''],
    ['text', '"x"'],
    ['null', 'null'],
    ['an array', []],
    ['no fields', {}],
    ['fields of another type', { fields: 'x' }],
    ['fields in an array', { fields: ['x'] }],
    ['null fields', { fields: null }],
    ['a number', { fields: { accountSid: 5 } }],
    ['an operator', { fields: { accountSid: { $ne: null } } }],
    ['an array as a value', { fields: { accountSid: ['a'] } }],
    ['a boolean', { fields: { accountSid: true } }],
    ['a name with a dot', { fields: { 'a.b': 'x' } }],
    ['markup in a name', { fields: { '<img src=x>': 'x' } }],
    ['a prototype', '{"fields":{"__proto__":"x"}}'],
    ['a prototype beside the fields', '{"__proto__":{},"fields":{}}'],
    ['a tenant', { fields: {}, tenantId: 'globex' }],
    ['deep JSON', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    ['deep fields', `{"fields":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}}`],
    [
      'bytes that are no UTF-8',
      new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array([0x7b, 0xff, 0x7d]));
          controller.close();
        },
      }),
    ],
  ])('400: %s', async (_what, body) => {
    const { send, vault } = settingsSite();
    const answer = await send('/twilio', { method: 'PATCH', body, etag: null });
    expect(answer.status).toBe(400);
    expect(answer.text).not.toMatch(/<img/);
    expect(await vault.get('acme', 'twilio')).toBeUndefined();
  });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/json; charset=latin1',
    'application/jsonx',
    'text/json',
    '',
  ])('415: %s', async (type) => {
    const { send } = settingsSite();
    const sent = { method: 'PATCH', etag: null, body: { fields: {} } };
    expect((await send('/twilio', { ...sent, headers: { 'content-type': type } })).status).toBe(
      415,
    );
    for (const json of ['application/json', 'Application/JSON; charset=UTF-8']) {
      const answer = await send('/twilio', { ...sent, headers: { 'content-type': json } });
      expect(answer.status).toBe(200);
    }
  });

  it('looks at the request itself before its condition', async () => {
    const { send } = settingsSite();
    const patch = { method: 'PATCH' };
    expect((await send('/twilio', { ...patch, body: '{' })).status).toBe(400);
    const text = { 'content-type': 'text/plain' };
    expect((await send('/twilio', { ...patch, body: '{}', headers: text })).status).toBe(415);
    expect((await send('/twilio', { ...patch, body: ' '.repeat(70_000) })).status).toBe(413);
    const invalid = { fields: { accountSid: 'x' } };
    expect((await send('/twilio', { ...patch, body: invalid })).status).toBe(428);
  });

  it('413: reads no further than 64 KiB', async () => {
    const { send } = settingsSite();
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1024;
        controller.enqueue(new Uint8Array(1024).fill(0x20));
      },
    });
    const sent = { method: 'PATCH', etag: null };
    expect((await send('/twilio', { ...sent, body: endless })).status).toBe(413);
    expect(pulled).toBeLessThan(80 * 1024);
    const announced = { ...sent, body: '{}', headers: { 'content-length': '65537' } };
    expect((await send('/twilio', announced)).status).toBe(413);
    const long = JSON.stringify({ fields: { region: 'x'.repeat(65_536 - 25) } });
    expect((await send('/twilio', { ...sent, body: long })).status).toBe(422);
  });
});

describe('another account in another tab', () => {
  it.each([
    ['a save', '/twilio', { method: 'PATCH', body: { fields: credentials }, etag: null }],
    ['a removal', '/twilio', { method: 'DELETE', etag: 'A'.repeat(16) }],
    ['a test', '/twilio/test', { method: 'POST', body: { fields: credentials } }],
  ] as const)('409: %s that was meant for the account before', async (_what, path, sent) => {
    const { vault, send } = settingsSite();
    const { account } = (await send('/', { as: 'acme/ada' })).body;
    const headers = { 'settings-account': account };
    const refused = await send(path, { ...sent, headers, as: 'globex/ada' });
    expect(refused).toMatchObject({
      status: 409,
      body: { error: { code: 'ERR_ACCOUNT_CHANGED' } },
    });
    expect(await vault.get('globex', 'twilio')).toBeUndefined();
    expect((await send(path, { ...sent, headers })).status).not.toBe(409);
    expect(account).not.toContain('acme');
  });
});

describe('a destination', () => {
  const stored = { host: 'a.example', user: 'u', password: 'p'.repeat(20) };
  async function site() {
    const made = settingsSite();
    await made.vault.put('acme', relay, stored);
    return { ...made, etag: await etagOf(made.vault, 'relay') };
  }

  it.each<[string, Record<string, string | null>]>([
    ['alone', { host: 'evil.example' }],
    ['with the mask', { host: 'evil.example', password: `••••••••${'p'.repeat(4)}` }],
    ['with an empty password', { host: 'evil.example', password: '' }],
  ])('is not changed without its secrets: %s', async (_what, form) => {
    const { vault, send, patch, etag } = await site();
    const saved = await patch('relay', form, etag);
    expect(saved).toMatchObject({
      status: 422,
      body: { errors: { password: 'Enter this again, because Host changes.' } },
    });
    const tested = await send('/relay/test', { method: 'POST', body: { fields: form } });
    expect(tested).toMatchObject({ status: 200, body: { ok: false, errors: saved.body.errors } });
    expectForm('TestResult', tested.body);
    expect(await etagOf(vault, 'relay')).toBe(etag);
    await expect(vault.applyForm('acme', relay, form)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining('password'),
    });
  });

  it.each<[string, Record<string, string | null>]>([
    ['with its secret entered again', { host: 'b.example', password: stored.password }],
    ['with another secret', { host: 'b.example', password: 'q'.repeat(20) }],
    ['with its secret removed', { host: 'b.example', password: null }],
    ['when it stays', { host: ' a.example ', user: 'v' }],
    ['when it is not sent', { user: 'v' }],
  ])('is saved %s', async (_what, form) => {
    const { patch, etag } = await site();
    expect((await patch('relay', form, etag)).status).toBe(200);
  });

  it('is not reached by removing it first', async () => {
    const { patch, etag } = await site();
    const removed = await patch('relay', { host: null }, etag);
    expect(removed.status).toBe(200);
    expect((await patch('relay', { host: 'evil.example' }, removed.body.etag)).status).toBe(422);
  });

  it('is compared with what is stored now', async () => {
    const { patch, vault, etag } = await site();
    await vault.put('acme', relay, { ...stored, host: 'evil.example' });
    expect((await patch('relay', { host: 'evil.example' }, etag)).status).toBe(412);
  });
});

describe('DELETE /:provider', () => {
  it('removes what the page was shown', async () => {
    const { vault, send } = settingsSite();
    await vault.put('acme', 'twilio', credentials);
    const stale = await send('/twilio', { method: 'DELETE', etag: 'A'.repeat(16) });
    expect(stale).toMatchObject({ status: 412, body: { current: { state: 'configured' } } });
    expect((await send('/twilio', { method: 'DELETE' })).status).toBe(428);
    expect((await send('/twilio', { method: 'DELETE', etag: null })).status).toBe(428);
    const all = { method: 'DELETE', headers: { 'if-match': '*' } };
    expect((await send('/twilio', all)).status).toBe(400);
    const events = await auditEvents(async () => {
      const removed = await send('/twilio', { method: 'DELETE', etag: await etagOf(vault) });
      expect(removed).toMatchObject({ status: 204, text: '' });
    });
    expect(events.at(-1)).toMatchObject({ action: 'delete', actor: 'ada', outcome: 'ok' });
    expect((await send('/twilio', { method: 'DELETE', etag: 'A'.repeat(16) })).status).toBe(412);
  });

  it('removes a record that cannot be opened, which cannot be saved', async () => {
    const { store, send, patch, view } = settingsSite();
    await store.put({ tenantId: 'acme', provider: 'twilio', data: 'AAAA'.repeat(20) }, null);
    const { etag } = await view('twilio');
    const saved = await patch('twilio', credentials, etag);
    expect(saved).toMatchObject({
      status: 409,
      body: { error: { code: 'ERR_DECRYPTION_FAILED' } },
    });
    expect((await patch('twilio', credentials, null)).status).toBe(412);
    expect((await patch('twilio', credentials, 'A'.repeat(15))).status).toBe(412);
    expect((await send('/twilio', { method: 'DELETE', etag: 'A'.repeat(15) })).status).toBe(412);
    expect((await send('/twilio', { method: 'DELETE', etag })).status).toBe(204);
    expect((await patch('twilio', credentials, null)).status).toBe(200);
  });
});

describe('POST /:provider/test', async () => {
  const twilio = await FakeTwilio.start({ accounts: [twilioAccount(1), twilioAccount(2)] });
  afterAll(() => twilio.close());
  const connection = { client: twilio.clientOptions() };
  const test = (site: ReturnType<typeof settingsSite>, fields?: object, provider = 'twilio') =>
    site.send(`/${provider}/test`, {
      method: 'POST',
      ...(fields !== undefined && { body: { fields } }),
    });

  it('tests what is stored, and what is typed before it is saved', async () => {
    const site = settingsSite({ connection });
    expect((await test(site)).body).toMatchObject({ ok: false, code: 'ERR_NOT_CONFIGURED' });
    const typed = await test(site, credentials);
    expect(typed).toMatchObject({
      status: 200,
      body: { ok: true, message: 'Twilio accepts these credentials.' },
    });
    expectForm('TestResult', typed.body);
    expect(await site.vault.get('acme', 'twilio')).toBeUndefined();
    await site.vault.put('acme', 'twilio', credentials);
    expect((await test(site)).body.ok).toBe(true);
    const wrong = await test(site, { authToken: authToken(5) });
    expect(wrong.body).toMatchObject({
      ok: false,
      code: 'wrong_credentials',
      message: expect.stringMatching(/^Twilio refuses/),
    });
    const key = { authToken: null, apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
    expect((await test(site, key)).body.ok).toBe(true);
    twilio.failNext({ status: 500 });
    expect((await test(site)).body).toMatchObject({ ok: false, code: 'provider_error' });
    expect(site.bodies.join()).not.toContain(authToken(1));
    expect(site.bodies.join()).not.toContain(apiSecret(1));
  });

  it('names the fields that are wrong, and sends nothing', async () => {
    const site = settingsSite({ connection });
    const before = twilio.requests.length;
    const { status, body } = await test(site, { ...credentials, accountSid: 'x' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ ok: false, errors: { accountSid: expect.any(String) } });
    expect(twilio.requests.length).toBe(before);
  });

  it('uses the test of a definition that the vault was not given', async () => {
    const own = defineProvider({
      name: 'own',
      fields: { key: { label: 'Key', secret: true } },
      complete: [['key']],
      test: async ({ fields }) => ({ ok: fields.key === 'right' }),
    });
    const site = settingsSite({ providers: [own] });
    expect(await site.view('own')).toMatchObject({ testable: true });
    expect((await test(site, { key: 'right' }, 'own')).body).toMatchObject({ ok: true });
    await site.vault.put('acme', own, { key: 'wrong' });
    expect((await test(site, undefined, 'own')).body).toMatchObject({ code: 'provider_error' });
  });

  it('says so where there is no test', async () => {
    const site = settingsSite();
    expect((await site.send('/relay/test/', { method: 'POST' })).status).toBe(200);
    const { body } = await test(site, undefined, 'relay');
    expect(body).toMatchObject({ ok: false, message: 'There is no test for Relay.' });
  });

  it('says what is wrong with what is stored', async () => {
    const env: Record<string, string> = {};
    const site = settingsSite({ connection, env, envOverride: 'all' });
    await site.vault.put('acme', 'twilio', { ...credentials, authToken: authToken(5) });
    expect((await test(site)).body).toMatchObject({ ok: false, code: 'wrong_credentials' });
    const { health } = await site.view('twilio');
    expect(health).toMatchObject({
      state: 'failing',
      code: 'wrong_credentials',
      message: expect.stringMatching(/^Twilio refuses these credentials/),
    });
    env.TWILIO_ACCOUNT_SID = accountSid(1);
    expect((await test(site)).body.message).toMatch(/^Your operator has set only a part/);
    await site.store.put({ tenantId: 'acme', provider: 'sendgrid', data: 'AAAA'.repeat(20) }, null);
    expect((await test(site, undefined, 'sendgrid')).body).toMatchObject({
      code: 'ERR_DECRYPTION_FAILED',
      message: expect.stringMatching(/^The stored credentials of SendGrid cannot be opened/),
    });
  });

  it('is in the audit trail, with the actor', async () => {
    const site = settingsSite({ connection });
    const events = await auditEvents(() => test(site, credentials));
    expect(events.at(-1)).toMatchObject({ action: 'test', actor: 'ada', tenantId: 'acme' });
  });
});

describe('any request', () => {
  const word = fc.constantFrom(
    ...['twilio', 'relay', 'nobody', 'test', '', '__proto__', '%00', '%', '..', 'a b', 'TWILIO'],
  );
  const value = fc.oneof(
    fc.constantFrom(...[accountSid(1), '', '••••••••', '<b>', '\ud800', 'x'.repeat(70_000)]),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const name = fc.oneof(
    fc.constantFrom('accountSid', 'authToken', 'host', 'password', '__proto__', 'constructor'),
    fc.string({ maxLength: 10 }),
  );
  const body = fc.oneof(
    fc.record({ fields: fc.dictionary(name, value, { maxKeys: 4 }) }),
    fc.jsonValue({ maxDepth: 3 }),
    fc.string({ unit: 'binary', maxLength: 30 }),
  );
  const etags = ['"a"', '""', '*', 'W/"a"', '"a", "b"', 'a', '"a', '"\u00e9"', ' "a" ', ','];
  const headers = fc.record(
    {
      'if-match': fc.constantFrom(...etags),
      'if-none-match': fc.constantFrom('*', ...etags),
      'content-type': fc.constantFrom('application/json', 'text/plain', ',', 'application/json;'),
      'settings-account': fc.constantFrom('', 'x'),
    },
    { requiredKeys: [] },
  );

  it('is answered as the contract says, whatever it holds, and changes nothing unasked', async () => {
    const errors: unknown[] = [];
    const { vault, send, bodies } = settingsSite({ onError: (error) => errors.push(error) });
    await vault.put('acme', 'twilio', credentials);
    const before = await etagOf(vault);
    const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
    const request = fc.tuple(
      fc.constantFrom(...methods),
      fc.array(word, { maxLength: 3 }),
      headers,
      body,
    );
    let tenants = 0; // else the limits of a tenant answer first
    await fc.assert(
      fc.asyncProperty(request, async ([method, path, sent, content]) => {
        const { status } = await inTime(() =>
          send(`/${path.join('/')}`, {
            method,
            as: tenants++ % 3 === 0 ? 'acme/ada' : `tenant${tenants}/eve`,
            headers: sent,
            ...(!['GET', 'HEAD', 'OPTIONS'].includes(method) && { body: content }),
          }),
        );
        const known = [200, 204, 400, 404, 405, 409, 412, 413, 415, 422, 428, 429];
        expect(known).toContain(status);
      }),
      inputs(600),
    );
    expect(errors).toEqual([]);
    expect(await etagOf(vault)).toBe(before);
    expect(bodies.join()).not.toContain(authToken(1));
    expect(bodies.join()).not.toMatch(/[<>&]/);
  });
});

describe('limits', () => {
  it('429: 10 tests and 60 saves of a tenant per minute', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    try {
      const { send, patch } = settingsSite();
      const test = (as: string) => send('/relay/test', { method: 'POST', as });
      for (let n = 0; n < 10; n++) expect((await test(`acme/user${n}`)).status).toBe(200);
      vi.advanceTimersByTime(20_000);
      const refused = await test('acme/ada');
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('40');
      expect((await test('globex/eve')).status).toBe(200);
      const first = patch('relay', {}, null);
      expect((await first).status).toBe(200);
      for (let n = 1; n < 60; n++) expect((await patch('relay', {}, null)).status).toBe(200);
      expect((await patch('relay', {}, null)).status).toBe(429);
      expect((await send('/relay', { method: 'DELETE', etag: 'x' })).status).toBe(429);
      vi.advanceTimersByTime(40_001);
      expect((await test('acme/ada')).status).toBe(200);
      expect((await patch('relay', {}, null)).status).toBe(429);
      vi.advanceTimersByTime(20_000);
      expect((await patch('relay', {}, null)).status).toBe(200);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('who may do what', () => {
  const requests = {
    read: ['/', {}],
    write: ['/twilio', { method: 'PATCH', body: { fields: {} }, etag: null }],
    test: ['/twilio/test', { method: 'POST' }],
    remove: ['/twilio', { method: 'DELETE', etag: 'x' }],
  } as const;

  it.each(Object.entries(requests))('401 and 403: %s', async (what, [path, sent]) => {
    const { send } = settingsSite();
    expect((await send(path, { ...sent, as: '' })).status).toBe(401);
    for (const other of Object.keys(requests)) {
      const { status } = await send(path, { ...sent, as: `acme/ada/${other}` });
      if (other === what) expect(status).not.toBe(403);
      else expect(status).toBe(403);
    }
  });

  it.each<[string, unknown]>([
    ['no tenant', { actor: 'ada', may: everything }],
    ['an object for a tenant', { tenantId: { $ne: null }, actor: 'ada', may: everything }],
    ['no actor', { tenantId: 'acme', may: everything }],
    ['an endless actor', { tenantId: 'acme', actor: 'a'.repeat(10_000), may: everything }],
    ['text', 'acme'],
  ])('500: identify returns %s', async (_what, identity) => {
    const errors: unknown[] = [];
    const { send } = settingsSite({
      identify: () => identity as never,
      onError: (error) => errors.push(error),
    });
    const { status, body } = await send('/');
    expect(status).toBe(500);
    expect(body.error).toEqual({
      code: 'ERR_INTERNAL',
      message: 'Something went wrong on our side. Try again, or ask your support.',
    });
    expect(errors).toHaveLength(1);
  });

  it.each([null, undefined, false, ''])('401: identify returns %j', async (identity) => {
    const { send } = settingsSite({ identify: () => identity as never });
    expect((await send('/')).status).toBe(401);
  });

  it('403: identify grants nothing, or something else than true', async () => {
    for (const may of [undefined, {}, { read: 'yes' }, { read: 1 }]) {
      const { send } = settingsSite({
        identify: () => ({ tenantId: 'acme', actor: 'ada', may: may as never }),
      });
      expect((await send('/')).status).toBe(403);
    }
  });
});

describe('paths and methods', () => {
  it.each([
    '/nobody',
    '/smtp', // built in, and not offered
    '/__proto__',
    '/constructor',
    '/twilio/other',
    '/twilio/test/more',
    '/%',
    '//twilio',
    '/..%2f..',
  ])('404: %s', async (path) => {
    const { send } = settingsSite();
    for (const method of ['GET', 'PATCH', 'POST', 'DELETE']) {
      expect((await send(path, { method })).status).toBe(404);
    }
    expect((await send(path, { method: 'OPTIONS' })).status).not.toBe(200);
  });

  it('404: another path of the host', async () => {
    const { handle } = settingsSite();
    for (const path of ['/', '/api', '/api/provider-settings-2', '/api/provider']) {
      expect((await handle(requestOf(`http://crm.example${path}`, {}))).status).toBe(404);
    }
  });

  it.each([
    ['/', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ['/twilio', 'PATCH, DELETE, OPTIONS', ['GET', 'POST', 'PUT']],
    ['/twilio/test', 'POST, OPTIONS', ['GET', 'PATCH', 'DELETE']],
  ])('405: %s', async (path, allow, others) => {
    const { send } = settingsSite();
    for (const method of others) {
      const answer = await send(path, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe(allow);
    }
    const options = await send(path, { method: 'OPTIONS', as: '' });
    expect(options).toMatchObject({ status: 204, text: '' });
    expect(options.headers.get('allow')).toBe(allow);
  });

  it('answers HEAD as GET, without a body', async () => {
    const { send } = settingsSite();
    expect(await send('/', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    expect(await send('/', { method: 'HEAD', as: '' })).toMatchObject({ status: 401, text: '' });
  });
});

describe('failures', () => {
  it('503: the store is down', async () => {
    const { store, keys } = memoryVault();
    const faulty = new FaultyStore(store);
    const vault = new SecretsVault({ store: faulty.store, keys });
    const errors: unknown[] = [];
    const { send } = settingsSite({ vault, onError: (error) => errors.push(error) });
    faulty.fail('list', 'before');
    const { status, body, headers } = await send('/');
    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('10');
    expect(body.error.code).toBe('ERR_STORE_UNAVAILABLE');
    expect(body.error.message).toMatch(/^The settings cannot be reached/);
    expect(errors).toHaveLength(1);
  });

  it('never shows what a callback throws', async () => {
    const secret = newKey();
    const errors: unknown[] = [];
    const fail = async () => {
      throw new Error(secret);
    };
    const onError = (error: unknown) => errors.push(error);
    const without = await settingsSite({ activity: fail, onError }).send('/');
    expect(without).toMatchObject({ status: 200, body: { activity: [] } });
    const refused = await settingsSite({ identify: fail, onError }).send('/');
    expect(refused.status).toBe(500);
    expect(without.text + refused.text).not.toContain(secret);
    expect(errors).toHaveLength(2);
  });

  it('answers also when the callback for errors fails, and when activity is no list', async () => {
    const broken = { activity: async () => 'yesterday' as never };
    const { send } = settingsSite({
      ...broken,
      onError: () => {
        throw new Error('the log is full');
      },
    });
    expect(await send('/')).toMatchObject({ status: 200, body: { activity: [] } });
  });

  it.each<[string, object]>([
    ['no vault', { vault: undefined }],
    ['a name as a provider', { providers: ['twilio'] }],
    ['an object like a definition', { providers: [{ ...twilioProvider }] }],
    ['a base path without a slash', { basePath: 'api' }],
    ['a URL', { basePath: 'https://crm.example/api' }],
    ['no identify', { identify: undefined }],
    ['an activity that is no function', { activity: [] }],
    ['an environment that is none', { env: 'x' }],
    ['an override that is none', { envOverride: true }],
  ])('rejects %s', (_what, mistake) => {
    const valid = {
      vault: memoryVault().vault,
      providers: [sendgridProvider],
      basePath: BASE,
      identify: () => null,
    };
    expect(() => createSettingsHandler({ ...valid, ...mistake } as never)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
  });
});

describe('activity', () => {
  const event = (facts: Partial<AuditEvent>): AuditEvent => ({
    at: new Date(),
    action: 'get',
    tenantId: 'acme',
    provider: 'twilio',
    fields: ['authToken'],
    outcome: 'ok',
    source: 'vault',
    ...facts,
  });

  it('groups the uses of a day, and names who changed what', async () => {
    const now = Date.now();
    const yesterday = new Date(now - 86_400_000);
    const events = [
      ...Array.from({ length: 12 }, (_, n) => event({ actor: `user${n}` })),
      event({ at: yesterday }),
      event({ action: 'patch', actor: 'bob', fields: ['authToken', 'phoneNumber'] }),
      event({ action: 'patch', actor: 'bob', fields: ['region'], at: new Date(now - 1) }),
      event({ action: 'test', outcome: 'failed', code: 'wrong_credentials' }),
      event({ action: 'status' }),
      event({ tenantId: 'globex', action: 'delete' }),
      event({ provider: 'smtp' }),
      event({ action: 'refresh', at: yesterday }),
      event({ action: 'health', outcome: 'failed', code: 'suspended' }),
      event({ action: 'patch', actor: 'ada', rev: 1 }),
      event({ action: 'find' }),
      event({ action: 'erase', actor: 'ada' }),
    ];
    const { send } = settingsSite({ activity: async () => events });
    const { body } = await send('/');
    expectForm('SettingsOverview', body);
    const lines = body.activity.map(({ message }: { message: string }) => message);
    expect(lines.sort()).toEqual([
      'Twilio: Auth token, Phone number changed by bob',
      'Twilio: Region changed by bob',
      'Twilio: access renewed once yesterday',
      'Twilio: does not work any more',
      'Twilio: removed for good by ada',
      'Twilio: set up by ada',
      'Twilio: tested once today, without success',
      'Twilio: used 12 times today',
      'Twilio: used once yesterday',
    ]);
    expect(body.activity.find(({ count }: { count: number }) => count === 12)).not.toHaveProperty(
      'actor',
    );
  });

  it('speaks the language of the catalogue', async () => {
    const { send } = settingsSite({
      activity: async () => [event({})],
      messages: {
        'activity.get': '{label} {day} {times} benutzt',
        today: 'heute',
        once: 'einmal',
        login: 'Bitte neu anmelden.',
        yesterday: 5 as never,
      },
    });
    expect((await send('/')).body.activity[0].message).toBe('Twilio heute einmal benutzt');
    expect((await send('/', { as: '' })).body.error.message).toBe('Bitte neu anmelden.');
  });
});

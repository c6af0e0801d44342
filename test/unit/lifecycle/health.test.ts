import {
  checkHealth,
  defineClientFactory,
  defineProvider,
  getSendGridClient,
  getTwilioClient,
  HEALTH_CHANNEL,
  type HealthEvent,
  refreshDue,
  SecretsVault,
  testConnection,
} from 'provider-vault';
import { FakeSendGrid, FakeTwilio, FaultyStore } from 'provider-vault/testing';
import { afterAll, describe, expect, it } from 'vitest';
import {
  accountSid,
  auditEvents,
  authToken,
  memoryVault,
  rejection,
  sendgridKey,
  twilioAccount,
} from '../../support/fixtures.ts';
import { published } from '../../support/published.ts';

const twilio = await FakeTwilio.start({ accounts: [twilioAccount(1)] });
const senders = ['sales@acme.test', 'beta.test'];
const sendgrid = await FakeSendGrid.start({
  keys: [
    { apiKey: sendgridKey(1), senders },
    { apiKey: sendgridKey(2), scopes: ['user.account.read'] },
  ],
});
afterAll(() => Promise.all([twilio.close(), sendgrid.close()]));

const good = { accountSid: accountSid(1), authToken: authToken(1) };
const bad = { accountSid: accountSid(1), authToken: authToken(5) };
const app = { env: {}, client: twilio.clientOptions() };
const mailApp = { env: {}, baseUrl: sendgrid.url };

const health = async (vault: SecretsVault, provider = 'twilio') =>
  (await vault.status('acme', provider)).health;

describe('the health of credentials', () => {
  it('is known from calls that the provider refuses, and told once', async () => {
    const { vault, store } = memoryVault();
    const events = published<HealthEvent>(HEALTH_CHANNEL);
    await vault.put('acme', 'twilio', bad);
    const before = await store.get({ tenantId: 'acme', provider: 'twilio' });
    const twilioClient = await getTwilioClient(vault, { ...app, tenantId: 'acme' });
    const call = () => twilioClient.api.v2010.accounts(accountSid(1)).fetch();
    let writes = 0;
    const put = store.put.bind(store);
    store.put = (...args) => {
      writes++;
      return put(...args);
    };
    const audit = await auditEvents(async () => {
      for (let n = 0; n < 5; n++) {
        expect(await rejection(call())).toMatchObject({ code: 'ERR_PROVIDER', status: 401 });
      }
    });
    expect(writes).toBe(1);
    expect(await health(vault)).toEqual({
      state: 'failing',
      code: 'wrong_credentials',
      since: expect.any(Date),
      checkedAt: expect.any(Date),
    });
    expect(audit).toMatchObject([
      { action: 'health', tenantId: 'acme', outcome: 'failed', code: 'wrong_credentials' },
    ]);
    expect(events).toMatchObject([{ tenantId: 'acme', provider: 'twilio', state: 'failing' }]);
    // beside the record
    expect(await store.get({ tenantId: 'acme', provider: 'twilio' })).toEqual(before);
    expect((await vault.list('acme')).map(({ provider }) => provider)).toEqual(['twilio']);
  });

  it('is none of a call that fails for another reason, and ok again when one succeeds', async () => {
    const { vault } = memoryVault();
    const events = published<HealthEvent>(HEALTH_CHANNEL);
    await vault.put('acme', 'twilio', good);
    const twilioClient = await getTwilioClient(vault, { ...app, tenantId: 'acme' });
    const call = () => twilioClient.api.v2010.accounts(accountSid(1)).fetch();
    for (const failure of [{ status: 500 }, { status: 403 }, { drop: true }] as const) {
      twilio.failNext(failure);
      await rejection(call());
    }
    await call();
    expect(await health(vault)).toBeUndefined();
    twilio.failNext({ status: 401 });
    await rejection(call());
    expect(await health(vault)).toMatchObject({ state: 'failing' });
    await call();
    expect(await health(vault)).toMatchObject({ state: 'ok' });
    expect(events.map(({ state, previous }) => [state, previous])).toEqual([
      ['failing', undefined],
      ['ok', 'failing'],
    ]);
  });

  it('is known of SendGrid, and of every client that says how it was answered', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'sendgrid', { apiKey: sendgridKey(5) });
    const mail = await getSendGridClient(vault, { ...mailApp, tenantId: 'acme' });
    const message = { to: 'a@b.test', from: 'c@d.test', subject: 's', text: 't' };
    await rejection(mail.send(message));
    expect(await health(vault, 'sendgrid')).toMatchObject({ state: 'failing' });

    const stripe = defineProvider({
      name: 'stripe',
      fields: { key: { label: 'Key', secret: true, env: 'STRIPE_KEY' } },
      complete: [['key']],
    });
    const getStripe = defineClientFactory(stripe, ({ answered }) => ({ answered }));
    await vault.put('acme', stripe, { key: 'x' });
    const stripeClient = await getStripe(vault, { tenantId: 'acme', env: {} });
    await stripeClient.answered?.(401);
    expect(await health(vault, 'stripe')).toMatchObject({ state: 'failing' });
    const env = { STRIPE_KEY: 'of the environment' };
    const override = await getStripe(vault, { tenantId: 'acme', env, envOverride: 'all' });
    expect(override.answered).toBeUndefined();
  });

  it('is of the credentials as they are: new ones are unknown', async () => {
    const { vault, store } = memoryVault();
    await vault.put('acme', 'twilio', bad);
    const old = await getTwilioClient(vault, { ...app, tenantId: 'acme' });
    const call = () => old.api.v2010.accounts(accountSid(1)).fetch();
    await rejection(call());
    await vault.put('acme', 'twilio', good);
    expect(await health(vault)).toBeUndefined();
    await rejection(call()); // of the old ones
    expect(await health(vault)).toBeUndefined();
    await testConnection(vault, { ...app, tenantId: 'acme', provider: 'twilio' });
    expect(await health(vault)).toMatchObject({ state: 'ok' });
    await vault.delete('acme', 'twilio');
    expect(await store.list('acme')).toEqual([]);
  });

  it('stays what a refused grant has made it while the old token is refused as well', async () => {
    const google = defineProvider({
      name: 'google',
      fields: {
        token: { label: 'Token', secret: true },
        until: { label: 'Until', secret: false },
      },
      complete: [['token']],
      refresh: {
        expiresAt: 'until',
        exchange: () => Promise.reject(Object.assign(new Error(), { error: 'invalid_grant' })),
      },
    });
    const getClient = defineClientFactory(google, ({ answered }) => ({
      call: (status: number) => answered?.(status),
    }));
    const { vault } = memoryVault({ providers: [google] });
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await vault.put('acme', google, { token: 't0', until });
    const client = await getClient(vault, { tenantId: 'acme', env: {} });
    expect(await refreshDue(vault, { withinMs: 7_200_000 })).toMatchObject({ failedCount: 1 });
    expect((await health(vault, 'google'))?.state).toBe('needs_reauthorization');
    await client.call(401);
    expect(await health(vault, 'google')).toMatchObject({
      state: 'needs_reauthorization',
      code: 'invalid_grant',
    });
  });

  it('does not stand in the way of the error of a call when the store fails', async () => {
    const { vault, store, keys } = memoryVault();
    await vault.put('acme', 'twilio', bad);
    const faulty = new FaultyStore(store);
    const other = new SecretsVault({ store: faulty.store, keys });
    const twilioClient = await getTwilioClient(other, { ...app, tenantId: 'acme' });
    const call = () => twilioClient.api.v2010.accounts(accountSid(1)).fetch();
    faulty.fail('getMany', 'before');
    expect(await rejection(call())).toMatchObject({ status: 401 });
    expect(await health(vault)).toBeUndefined();
    faulty.fail('put', { delayMs: 60_000 });
    const started = performance.now();
    expect(await rejection(call())).toMatchObject({ status: 401 });
    expect(performance.now() - started).toBeLessThan(20_000);
  });
});

describe('testConnection of SendGrid', () => {
  it.each([
    ['a verified address', 'Sales@acme.test', { ok: true }],
    ['an address of a verified domain', 'x@beta.test', { ok: true }],
    ['another address', 'x@acme.test', { ok: false, code: 'unverified_sender' }],
  ])('looks whether it sends for %s', async (_what, senderEmail, result) => {
    const { vault } = memoryVault();
    const fields = { apiKey: sendgridKey(1), senderEmail };
    await vault.put('acme', 'sendgrid', fields);
    const options = { ...mailApp, tenantId: 'acme', provider: 'sendgrid' };
    expect(await testConnection(vault, options)).toMatchObject(result);
    expect(await testConnection(vault, { ...options, fields })).toMatchObject(result);
  });
});

describe('checkHealth', () => {
  it('tests what can be tested, remembers it, and sends nothing', async () => {
    const { vault } = memoryVault();
    const events = published<HealthEvent>(HEALTH_CHANNEL);
    const tenants = ['a', 'b', 'c'];
    for (const [n, tenant] of tenants.entries()) {
      await vault.put(tenant, 'twilio', n === 1 ? bad : good);
      await vault.put(tenant, 'custom', { key: 'x' });
    }
    await vault.put('a', 'sendgrid', { apiKey: sendgridKey(2) });
    twilio.clear();
    sendgrid.clear();
    const test = { client: twilio.clientOptions(), baseUrl: sendgrid.url };
    const options = { test, maxPerSecond: 1_000 };
    const failed = [
      { tenantId: 'a', provider: 'sendgrid', reason: 'not_allowed' },
      { tenantId: 'b', provider: 'twilio', reason: 'wrong_credentials' },
    ];
    const dry = await checkHealth(vault, { ...options, dryRun: true });
    expect(dry).toEqual({ scanned: 7, tested: 4, ok: 0, failedCount: 0, failed: [] });
    expect(twilio.requests).toEqual([]);
    const report = await checkHealth(vault, options);
    expect(report).toEqual({ scanned: 7, tested: 4, ok: 2, failedCount: 2, failed });
    expect([...twilio.requests, ...sendgrid.requests].map(({ method }) => method)).toEqual(
      Array(4).fill('GET'),
    );
    expect(twilio.messages).toEqual([]);
    expect(sendgrid.mails).toEqual([]);
    expect((await vault.status('a', 'twilio')).health).toMatchObject({ state: 'ok' });
    expect((await vault.status('b', 'twilio')).health).toMatchObject({ state: 'failing' });
    await checkHealth(vault, options);
    expect(events.map(({ tenantId, state }) => [tenantId, state]).sort()).toEqual([
      ['a', 'failing'],
      ['b', 'failing'],
    ]);
    // the health itself is nothing to be checked
    expect(await checkHealth(vault, options)).toMatchObject({ scanned: 7 });
  });

  it('is slow by default, tests only what is stored, and leaves open what it cannot know', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'twilio', good);
    await vault.put('default', 'twilio', good);
    await checkHealth(vault, { test: { client: twilio.clientOptions() }, maxPerSecond: 1_000 });
    twilio.failNext({ status: 500 });
    const started = performance.now();
    // As from settings that say nothing of it.
    const unsaid = { maxPerSecond: undefined } as object;
    const report = await checkHealth(vault, {
      test: { client: twilio.clientOptions() },
      ...unsaid,
    });
    expect(performance.now() - started).toBeGreaterThan(350); // 2 records, 5 a second
    expect(report).toMatchObject({ ok: 1, failed: [{ reason: 'provider_error' }] });
    expect(await health(vault)).toMatchObject({ state: 'ok' });
  });
});

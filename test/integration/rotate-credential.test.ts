import { setTimeout as sleep } from 'node:timers/promises';
import {
  getSendGridClient,
  getTwilioClient,
  type MemorySecretStore,
  rotateCredential,
  rotateDue,
  type SecretsVault,
  SecretsVault as Vault,
  verifyTwilioWebhook,
} from 'provider-vault';
import { FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import twilioSdk from 'twilio';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Crash, crashStore } from '../support/crash-store.ts';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  rejection,
  sendgridKey,
  twilioAccount,
} from '../support/fixtures.ts';

const { getExpectedTwilioSignature: sign } = twilioSdk as unknown as {
  getExpectedTwilioSignature(token: string, url: string, params: object): string;
};
const SCOPES = ['mail.send', 'api_keys.read', 'api_keys.create', 'api_keys.delete'];
const text = { to: '+14155550100', from: '+15005550006', body: 'hello' };
const mail = { to: 'a@example.com', from: 'b@example.com', subject: 'Hi', text: 'Hello' };

/** A tenant with credentials at a stand-in, and what is known of the keys there. */
interface Setting {
  readonly provider: string;
  readonly vault: SecretsVault;
  readonly store: MemorySecretStore;
  readonly options: object;
  send(): Promise<unknown>;
  /** The fields in the vault. */
  fields(): Promise<Record<string, string | undefined>>;
  /** The credentials that the provider has. */
  live(): Promise<string[]>;
}

async function twilioSetting(kind: 'apiKey' | 'authToken'): Promise<Setting> {
  const standIn = await FakeTwilio.start({ accounts: [twilioAccount(1), twilioAccount(2)] });
  onTestFinished(() => standIn.close());
  const { vault, store } = memoryVault();
  const client = standIn.clientOptions();
  const key = { apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
  await vault.put('acme', 'twilio', {
    accountSid: accountSid(1),
    authToken: authToken(1),
    ...(kind === 'apiKey' && key),
  });
  const fields = async () => (await vault.require('acme', 'twilio')).reveal();
  const read = async (path: string) => {
    const { authToken: password = '' } = await fields();
    const basic = Buffer.from(`${accountSid(1)}:${password}`).toString('base64');
    const answer = await fetch(standIn.url + path, {
      headers: { authorization: `Basic ${basic}` },
    });
    return (await answer.json()) as { keys?: { sid: string }[]; auth_token?: string };
  };
  return {
    provider: 'twilio',
    vault,
    store,
    options: { client },
    fields,
    send: async () =>
      (await getTwilioClient(vault, { tenantId: 'acme', env: {}, client })).messages.create(text),
    live: async () => {
      if (kind === 'authToken') {
        const { auth_token: token } = await read(`/2010-04-01/Accounts/${accountSid(1)}.json`);
        return [token ?? ''];
      }
      const { keys = [] } = await read(`/v1/Keys?AccountSid=${accountSid(1)}`);
      return keys.map(({ sid }) => sid);
    },
  };
}

async function sendgridSetting(options: object = {}): Promise<Setting & { standIn: FakeSendGrid }> {
  const keys = [{ apiKey: sendgridKey(1), scopes: [...SCOPES, '2fa_required'] }];
  const standIn = await FakeSendGrid.start({ keys, ...options });
  onTestFinished(() => standIn.close());
  const { vault, store } = memoryVault();
  const baseUrl = standIn.url;
  await vault.put('acme', 'sendgrid', { apiKey: sendgridKey(1) });
  const fields = async () => (await vault.require('acme', 'sendgrid')).reveal();
  return {
    standIn,
    provider: 'sendgrid',
    vault,
    store,
    options: { baseUrl },
    fields,
    send: async () =>
      (await getSendGridClient(vault, { tenantId: 'acme', env: {}, baseUrl })).send(mail),
    live: async () => {
      const { apiKey = '' } = await fields();
      const headers = { authorization: `Bearer ${apiKey}` };
      const answer = await fetch(`${baseUrl}/v3/api_keys`, { headers });
      const { result = [] } = (await answer.json()) as { result?: { api_key_id: string }[] };
      return result.map(({ api_key_id: id }) => id);
    },
  };
}

const KINDS = {
  'a Twilio API key': { open: () => twilioSetting('apiKey'), field: 'apiKey' },
  'the Twilio auth token': { open: () => twilioSetting('authToken'), field: 'authToken' },
  'a SendGrid API key': { open: () => sendgridSetting(), field: 'apiKey' },
};

const rotateWith = (setting: Setting, vault = setting.vault, graceMs = 0) =>
  rotateCredential(vault, {
    tenantId: 'acme',
    provider: setting.provider,
    graceMs,
    ...setting.options,
  });

/** What holds after a rotation: one live credential, the one in the vault, and it works. */
async function expectDone(setting: Setting, field: string): Promise<void> {
  await setting.send();
  const { [field]: value = '', authTokenSecondary } = await setting.fields();
  const id = setting.provider === 'sendgrid' ? value.split('.')[1] : value;
  expect(await setting.live()).toEqual([id]);
  expect(authTokenSecondary).toBeUndefined();
  const left = await setting.store.list('acme');
  expect(left.map(({ provider }) => provider)).toEqual([setting.provider]);
}

for (const [name, { open, field }] of Object.entries(KINDS)) {
  describe(`rotateCredential of ${name}`, () => {
    it('replaces it, and ends the old one', async () => {
      const setting = await open();
      const before = await setting.fields();
      const result = await rotateWith(setting);
      expect(result).toMatchObject({ tenantId: 'acme', provider: setting.provider });
      expect(result.fields).toContain(field);
      const after = await setting.fields();
      expect(after[field]).not.toBe(before[field]);
      await expectDone(setting, field);
      expect(JSON.stringify(result)).not.toContain(after[field]);
      await rotateWith(setting);
      await expectDone(setting, field);
    });

    it('survives the death of its process at each step', { timeout: 300_000 }, async () => {
      let finished = false;
      let at = 0;
      while (!finished) {
        at++;
        for (const when of ['before', 'after'] as const) {
          const setting = await open();
          const crash: Crash = { at, when };
          let died = false;
          const store = crashStore(setting.store, crash, () => {
            died = true;
            throw new Error('The process has died.');
          });
          const { keys } = settingKeys(setting);
          await rotateWith(setting, new Vault({ store, keys })).catch(() => {});
          finished = !died;
          if (finished) break;
          await setting.send(); // whatever happened
          const lease = `$lease:rotate/${setting.provider}`;
          await setting.store.delete({ tenantId: 'acme', provider: lease }); // its time is over
          await rotateWith(setting);
          await expectDone(setting, field);
        }
      }
      expect(at).toBeGreaterThan(15);
    });

    it('leaves credentials that somebody stores meanwhile, and what it made goes', async () => {
      const setting = await open();
      const rotating = rejection(rotateWith(setting, setting.vault, 1_500));
      const before = await setting.fields();
      await expect.poll(async () => (await setting.fields())[field]).not.toBe(before[field]);
      // Back to the old ones.
      const changes = { authTokenSecondary: null, ...before };
      await setting.vault.patch('acme', setting.provider, changes as object);
      expect(await rotating).toMatchObject({ code: 'ERR_CONFLICT' });
      expect(await setting.fields()).toMatchObject(before);
      await expectDone(setting, field);
    });
  });
}

for (const [name, { open, field }] of Object.entries(KINDS)) {
  const liveIn = (setting: Setting, old: Record<string, string | undefined>) => {
    const [id = ''] = [old[field]];
    return setting.provider === 'sendgrid' ? id.split('.')[1] : id;
  };
  /** A rotation in its grace: the new credential is stored. */
  const inGrace = async (setting: Setting) => {
    const before = await setting.fields();
    const rotating = rejection(rotateWith(setting, setting.vault, 1_500));
    await expect.poll(async () => (await setting.fields())[field]).not.toBe(before[field]);
    return { before, rotating };
  };
  const rest = async ({ vault, store, provider }: Setting, before: object) => {
    const left = (await store.list('acme')).map((record) => record.provider);
    expect(left.filter((one) => one !== provider)).toEqual([]);
    await vault.put('acme', provider, before as object);
  };

  describe(`what a rotation of ${name} has made goes`, () => {
    it('when the credentials of another account are stored meanwhile', async () => {
      const setting = await open();
      const { before, rotating } = await inGrace(setting);
      const others = {
        twilio: { accountSid: accountSid(2), authToken: authToken(2) },
        sendgrid: { apiKey: sendgridKey(2) },
      }[setting.provider];
      await setting.vault.put('acme', setting.provider, others as object);
      expect(await rotating).toMatchObject({ code: 'ERR_CONFLICT' });
      expect(await setting.fields()).toEqual(others);
      await rest(setting, before);
      expect(await setting.live()).toEqual([liveIn(setting, before)]);
      await setting.send();
    });

    it('when the credentials are deleted meanwhile', async () => {
      const setting = await open();
      const { before, rotating } = await inGrace(setting);
      await setting.vault.delete('acme', setting.provider);
      expect(await rotating).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
      await rest(setting, before);
      expect(await setting.live()).toEqual([liveIn(setting, before)]);
    });
  });
}

/** The requests by which keys were made at SendGrid. */
function sendgridKeysMade({ standIn }: { readonly standIn: FakeSendGrid }) {
  return standIn.requests.filter(
    ({ method, path }) => method === 'POST' && path === '/v3/api_keys',
  );
}

function settingKeys({ vault }: Setting) {
  const core = Object.getOwnPropertyDescriptor(vault, Symbol.for('provider-vault.core'));
  return core?.value as { keys: ConstructorParameters<typeof Vault>[0]['keys'] };
}

describe('rotateCredential', () => {
  it('accepts the webhooks of both auth tokens during the grace', async () => {
    const setting = await twilioSetting('authToken');
    const old = authToken(1);
    const verify = (token: string) => {
      const [url, params] = ['https://crm.example/sms', { Body: 'hi' }];
      const signature = sign(token, url, params);
      return verifyTwilioWebhook(setting.vault, {
        tenantId: 'acme',
        env: {},
        signature,
        url,
        params,
      });
    };
    const rotating = rotateWith(setting, setting.vault, 1_500);
    await expect.poll(async () => (await setting.fields()).authToken).not.toBe(old);
    const { authToken: fresh = '' } = await setting.fields();
    expect(await verify(old)).toMatchObject({ ok: true, matched: 'secondary' });
    expect(await verify(fresh)).toMatchObject({ ok: true, matched: 'primary' });
    await setting.send();
    await rotating;
    expect(await verify(old)).toMatchObject({ ok: false });
    expect(await verify(fresh)).toMatchObject({ ok: true });
  });

  it('waits until a revoked SendGrid key is dead, and copies the scopes', async () => {
    const setting = await sendgridSetting({ revocationDelayMs: 1_200 });
    const start = performance.now();
    await rotateWith(setting);
    expect(performance.now() - start).toBeGreaterThan(1_200);
    await expectDone(setting, 'apiKey');
    expect(sendgridKeysMade(setting)[0]?.body).toEqual({
      name: expect.stringMatching(/^provider-vault [0-9a-f]{16}$/),
      scopes: SCOPES, // without those that SendGrid adds
    });
  });

  it('changes nothing where the provider refuses: no scope, 100 keys', async () => {
    const others = Array.from({ length: 99 }, (_, n) => ({ apiKey: `SG.other${n}.x` }));
    for (const keys of [
      [{ apiKey: sendgridKey(1), scopes: ['mail.send'] }],
      [{ apiKey: sendgridKey(1), scopes: SCOPES }, ...others],
    ]) {
      const setting = await sendgridSetting({ keys });
      const error = await rejection(rotateWith(setting));
      expect(error).toMatchObject({ code: 'ERR_PROVIDER', status: 403 });
      expect(await setting.fields()).toEqual({ apiKey: sendgridKey(1) });
      const left = await setting.store.list('acme');
      expect(left.map(({ provider }) => provider)).toEqual(['sendgrid']);
      await setting.send();
    }
  });

  it('says what it needs', async () => {
    const { vault } = memoryVault();
    const key = { accountSid: accountSid(1), apiKey: apiKeySid(1), apiSecret: apiSecret(1) };
    await vault.put('acme', 'twilio', key);
    const rotating = (provider: string) =>
      rejection(rotateCredential(vault, { tenantId: 'acme', provider }));
    expect(await rotating('twilio')).toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
      message: expect.stringMatching(/authToken.*Only the auth token may make API keys/),
    });
    expect(await rotating('openai')).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(await rotating('sendgrid')).toMatchObject({ code: 'ERR_SECRET_NOT_FOUND' });
    const options = { tenantId: 'acme', provider: 'twilio', graceMs: -1 };
    expect(await rejection(rotateCredential(vault, options))).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });
});

describe('rotateDue', () => {
  it('of two processes at once replaces each credential once', async () => {
    const setting = await sendgridSetting();
    const { keys } = settingKeys(setting);
    const run = (vault: SecretsVault) =>
      rotateDue(vault, { olderThanMs: 0, graceMs: 300, ...setting.options });
    await sleep(5);
    const reports = await Promise.all([
      run(setting.vault),
      run(new Vault({ store: setting.store, keys })),
    ]);
    for (const report of reports) expect(report).toMatchObject({ rotated: 1, failedCount: 0 });
    expect(sendgridKeysMade(setting)).toHaveLength(1);
    await expectDone(setting, 'apiKey');
  });

  it('finishes an interrupted rotation of an old record once', async () => {
    const setting = await sendgridSetting();
    const { keys } = settingKeys(setting);
    const dying = new Vault({
      store: crashStore(setting.store, { at: 12, when: 'before' }, () => {
        throw new Error('The process has died.');
      }),
      keys,
    });
    await rejection(rotateWith(setting, dying));
    await setting.store.delete({ tenantId: 'acme', provider: '$lease:rotate/sendgrid' });
    await sleep(5);
    const options = { olderThanMs: 0, graceMs: 0, ...setting.options };
    expect(await rotateDue(setting.vault, options)).toMatchObject({
      due: 1,
      rotated: 1,
      failedCount: 0,
    });
    expect(sendgridKeysMade(setting)).toHaveLength(1);
    await expectDone(setting, 'apiKey');
  });

  it('replaces what is old, and goes on with what was interrupted', async () => {
    const setting = await sendgridSetting();
    const { vault, store } = setting;
    const { keys } = settingKeys(setting);
    const run = (olderThanMs: number, options: object = {}) =>
      rotateDue(vault, { olderThanMs, graceMs: 0, ...setting.options, ...options });
    await vault.put('other', 'openai', { apiKey: 'k' });
    expect(await run(60_000)).toMatchObject({ scanned: 2, due: 0, rotated: 0 });
    expect(await run(0, { dryRun: true })).toMatchObject({ due: 1, rotated: 0 });
    expect(await run(0)).toMatchObject({ due: 1, rotated: 1, failedCount: 0 });
    await expectDone(setting, 'apiKey');

    const dying = new Vault({
      store: crashStore(store, { at: 12, when: 'before' }, () => {
        throw new Error('The process has died.');
      }),
      keys,
    });
    await rejection(rotateWith(setting, dying));
    await store.delete({ tenantId: 'acme', provider: '$lease:rotate/sendgrid' });
    expect((await store.list('acme')).map(({ provider }) => provider)).toContain(
      '$rotation:sendgrid',
    );
    expect(await run(60_000)).toMatchObject({ scanned: 2, due: 1, rotated: 1 });
    await expectDone(setting, 'apiKey');
  });
});

import { defineProvider, Keyring, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import {
  accountSid,
  apiKeySid,
  apiSecret,
  authToken,
  memoryVault,
  newKey,
} from '../../support/fixtures.ts';
import { countingStore } from '../../support/spy-store.ts';

const twilio = { accountSid: accountSid(1), authToken: authToken(1) };
const refused = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });
const none = { env: {} };

/** What a page is shown: field → value of its input. */
async function page(vault: SecretsVault, provider = 'twilio'): Promise<Record<string, string>> {
  const { fields } = await vault.status('acme', provider, none);
  return Object.fromEntries(
    Object.entries(fields).map(([name, { masked = '' }]) => [name, masked]),
  );
}

async function configured() {
  const made = memoryVault();
  await made.vault.put('acme', 'twilio', twilio);
  const stored = async () => (await made.vault.require('acme', 'twilio')).reveal();
  return { ...made, stored };
}

describe('applyForm', () => {
  it('leaves a value that was stored with white space around it', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { token: ' x\n' });
    for (const token of [' x\n', 'x', ' x ']) {
      expect((await vault.applyForm('acme', 'custom', { token }, none)).rev).toBe(1);
    }
    expect((await vault.applyForm('acme', 'custom', { other: null }, none)).rev).toBe(1);
    expect((await vault.applyForm('acme', 'custom', { token: 'y' }, none)).rev).toBe(2);
  });

  it('changes nothing, and writes nothing, when a page is sent back as it was', async () => {
    const { vault, stored } = await configured();
    const status = await vault.applyForm('acme', 'twilio', await page(vault), none);
    expect(status).toEqual(await vault.status('acme', 'twilio', none));
    expect(status.rev).toBe(1);
    expect(await stored()).toEqual(twilio);
  });

  it.each([
    ['absent', undefined, authToken(1)],
    ['empty', '', authToken(1)],
    ['blank', ' \n', authToken(1)],
    ['the mask', '••••••••1f1f', authToken(1)],
    ['a mask of another value', '••••••••9z9z', authToken(1)],
    ['a mask of a short value', '••••••••', authToken(1)],
    ['the placeholder of JSON', '[redacted]', authToken(1)],
    ['the same value', authToken(1), authToken(1)],
    ['null', null, undefined],
    ['another value', authToken(2), authToken(2)],
    ['another value, pasted', `\t${authToken(2)}\r\n`, authToken(2)],
  ])('%s', async (_what, authTokenOfForm, expected) => {
    const { vault, stored } = await configured();
    const form = { authToken: authTokenOfForm } as { authToken: string };
    const status = await vault.applyForm('acme', 'twilio', form, none);
    expect((await stored()).authToken).toBe(expected);
    expect(status).toEqual(await vault.status('acme', 'twilio', none));
    expect(status.rev).toBe(expected === authToken(1) ? 1 : 2);
  });

  it.each<unknown>([
    { authToken: `••••••••1f1f0` },
    { authToken: `x••••••••1f1f` },
    { authToken: '•' },
    { accountSid: '••••••••1f1fx' },
    { authToken: 1 },
    { authToken: { $ne: null } },
    { authToken: ['a'] },
    { authToken: true },
    { accountSid: 'no account' },
    { noField: 'x' },
    { noField: '' },
    { noField: null },
    { __proto__: null, constructor: 'x' },
    { 'a.b': 'x' },
    null,
    'text',
    [],
  ])('refuses %j, and stores nothing of it', async (form) => {
    const { vault, stored } = await configured();
    const apply = vault.applyForm('acme', 'twilio', form as never, none);
    await expect(apply).rejects.toThrow(refused);
    expect(await stored()).toEqual(twilio);
  });

  it('stores no mask by any other way of writing', async () => {
    const { vault, stored } = await configured();
    for (const mask of ['••••••••1f1f', '••••••••', 'x••••', '[redacted]']) {
      await expect(vault.patch('acme', 'twilio', { authToken: mask })).rejects.toThrow(refused);
      await expect(vault.put('acme', 'custom', { any: mask })).rejects.toThrow(refused);
      await expect(vault.setSecret('acme', 'twilio_auth_token', mask)).rejects.toThrow(refused);
    }
    expect(await stored()).toEqual(twilio);
    await vault.put('acme', 'custom', { text: 'a • b' });
  });

  it('makes the first record', async () => {
    const { vault } = memoryVault();
    expect(await vault.applyForm('acme', 'twilio', { authToken: '' }, none)).toMatchObject({
      state: 'missing',
      rev: 0,
    });
    const status = await vault.applyForm('acme', 'twilio', twilio, { ...none, actor: 'ann' });
    expect(status).toMatchObject({ state: 'configured', rev: 1, updatedBy: 'ann', bound: true });
  });

  it('keeps, shows and removes fields of old records that no definition has', async () => {
    const { vault, store, keys } = memoryVault();
    const wider = defineProvider({
      name: 'twilio',
      fields: {
        authToken: { label: 'T', secret: true },
        legacy: { label: 'L', secret: true },
      },
      complete: [['authToken']],
    });
    const before = new SecretsVault({ store, keys, providers: [wider] });
    await before.put('acme', wider, { legacy: 'old-and-secret', authToken: authToken(1) });
    expect((await page(vault)).legacy).toBe('••••••••cret');
    expect((await vault.applyForm('acme', 'twilio', await page(vault), none)).rev).toBe(1);
    const set = vault.applyForm('acme', 'twilio', { legacy: 'new' } as never, none);
    await expect(set).rejects.toThrow(refused);
    await vault.applyForm('acme', 'twilio', { legacy: null } as never, none);
    expect((await vault.require('acme', 'twilio')).reveal()).toEqual({ authToken: authToken(1) });
  });

  it('merges two pages that were open at the same time', async () => {
    const { vault, stored } = await configured();
    const [one, other] = [await page(vault), await page(vault)];
    await vault.applyForm('acme', 'twilio', { ...one, authToken: authToken(2) }, none);
    await vault.applyForm('acme', 'twilio', { ...other, apiSecret: apiSecret(3) }, none);
    expect(await stored()).toEqual({
      ...twilio,
      authToken: authToken(2),
      apiSecret: apiSecret(3),
    });
  });

  it('loses none of fifty saves at once', async () => {
    const { vault } = memoryVault();
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        vault.applyForm('acme', 'custom', { [`f${n}`]: `${n}` }),
      ),
    );
    expect(Object.keys((await vault.require('acme', 'custom')).reveal())).toHaveLength(50);
  });

  it('is a conflict with ifMatch, when somebody else saved before', async () => {
    const { vault } = await configured();
    const { etag: ifMatch } = await vault.status('acme', 'twilio', none);
    const options = { ...none, ifMatch };
    await vault.applyForm('acme', 'twilio', { authToken: authToken(2) }, options);
    const late = vault.applyForm('acme', 'twilio', { authToken: authToken(3) }, options);
    await expect(late).rejects.toThrow(expect.objectContaining({ code: 'ERR_CONFLICT' }));
  });

  it('needs one read and one write of the store', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await vault.applyForm('acme', 'twilio', twilio, none);
    expect(calls).toEqual({ get: 1, put: 1 });
  });

  it('checks where the environment is looked for before it writes', async () => {
    const { vault, stored } = await configured();
    for (const wrong of [{ env: 'text' }, { env: null }, { env: {}, envOverride: 'some' }]) {
      const save = vault.applyForm('acme', 'twilio', { authToken: authToken(2) }, wrong as never);
      await expect(save).rejects.toThrow(refused);
    }
    expect(await stored()).toEqual(twilio);
  });

  it.each([
    ['a PEM', '-----BEGIN KEY-----\nabcdefgh\n-----END KEY-----\n'],
    ['a password that ends in a space', 'correct horse ba '],
  ])('saves a page that shows the end of %s', async (_name, secret) => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { secret, other: '1' });
    const { fields, rev } = await vault.status('acme', 'custom');
    const masked = fields.secret?.masked ?? '';
    expect(masked).toMatch(/^•{8}\S{4}$/);
    for (const sent of [masked, masked.trim(), ` ${masked}\r\n`]) {
      expect((await vault.applyForm('acme', 'custom', { secret: sent, other: '1' })).rev).toBe(rev);
    }
    await vault.applyForm('acme', 'custom', { secret: masked, other: '2' });
    expect((await vault.require('acme', 'custom')).reveal()).toEqual({ secret, other: '2' });
  });
});

describe('checkForm', () => {
  it('tells the problems of all fields at once, and writes nothing', async () => {
    const { vault } = memoryVault();
    const wrong = apiKeySid(3);
    const problems = vault.checkForm('twilio', {
      accountSid: wrong,
      apiKey: 'SKx',
      authToken: '••••••••1f1fx',
      apiSecret: 5,
      noField: 'x',
      phoneNumber: '+15550100',
      region: '',
      edge: null,
    } as never);
    expect(Object.keys(problems).sort()).toEqual([
      'accountSid',
      'apiKey',
      'apiSecret',
      'authToken',
      'noField',
    ]);
    expect(JSON.stringify(problems)).not.toContain(wrong);
    expect(problems.accountSid).toContain('"AC" and 32 hex digits');
    expect(await vault.list('acme')).toEqual([]);
  });

  it('finds nothing wrong with what a page was shown', () => {
    const { vault } = memoryVault();
    const form = { authToken: '••••••••1f1f', accountSid: accountSid(1), apiSecret: '[redacted]' };
    expect(vault.checkForm('twilio', form)).toEqual({});
    expect(vault.checkForm('twilio', { authToken: undefined })).toEqual({});
    expect(vault.tenant('acme').checkForm('custom', { any: 'x' })).toEqual({});
  });

  it.each([null, 'text', [], { 'a.b': 'x' }])('refuses the form %j', (form) => {
    const { vault } = memoryVault();
    expect(() => vault.checkForm('twilio', form as never)).toThrow(refused);
  });
});

describe('a destination', () => {
  const server = { hostname: 'mail.acme.example', port: '587', username: 'acme' };
  const password = 'p'.repeat(20);
  const configuredMail = async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'smtp', { ...server, password });
    return vault;
  };

  it.each<[string, (vault: SecretsVault) => Promise<unknown>]>([
    ['patch', (vault) => vault.patch('acme', 'smtp', { hostname: 'evil.example' })],
    ['patch of the port', (vault) => vault.patch('acme', 'smtp', { port: '2525' })],
    ['applyForm', (vault) => vault.applyForm('acme', 'smtp', { hostname: 'evil.example' })],
    ['setSecret', (vault) => vault.setSecret('acme', 'smtp_hostname', 'evil.example')],
    ['setSecrets', (vault) => vault.setSecrets('acme', { smtp_hostname: 'evil.example' })],
    [
      'patch after a removal',
      async (vault) => {
        await vault.patch('acme', 'smtp', { hostname: null });
        await vault.patch('acme', 'smtp', { hostname: 'evil.example' });
      },
    ],
  ])('is not changed by %s alone, which would send the password there', async (_name, change) => {
    const vault = await configuredMail();
    await expect(change(vault)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining('Enter again what is sent to it: "password"'),
    });
    const stored = (await vault.require('acme', 'smtp')).reveal();
    expect([server.hostname, undefined]).toContain(stored.hostname);
    expect(stored).toMatchObject({ port: server.port, password });
  });

  it('is the same with white space around it, and names all secrets that it takes', async () => {
    const secret = { label: 'Secret', secret: true };
    const relay = defineProvider({
      name: 'relay',
      fields: {
        host: { label: 'Host', secret: false, destination: true },
        password: secret,
        token: secret,
      },
      complete: [['host']],
    });
    const { vault } = memoryVault({ providers: [relay] });
    await vault.put('acme', relay, { host: ' a.example ', password: 'p', token: 't' });
    expect((await vault.applyForm('acme', relay, { host: 'a.example' }, none)).rev).toBe(1);
    await expect(vault.applyForm('acme', relay, { host: 'b.example' }, none)).rejects.toThrow(
      '"password", "token"',
    );
  });

  it('changes with its password entered again, and so does anything else alone', async () => {
    const vault = await configuredMail();
    await vault.patch('acme', 'smtp', { hostname: 'new.example', password });
    await vault.setSecrets('acme', { smtp_hostname: 'next.example', smtp_password: password });
    await vault.patch('acme', 'smtp', { username: 'sales', hostname: 'next.example' });
    expect((await vault.require('acme', 'smtp')).reveal()).toEqual({
      ...server,
      hostname: 'next.example',
      username: 'sales',
      password,
    });
  });
});

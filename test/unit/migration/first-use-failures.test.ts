import { getTwilioClient, Keyring, SecretsVault, type SettingsSource } from 'provider-vault';
import { describe, expect, it, vi } from 'vitest';
import { accountSid, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { settingsRows } from '../../support/settings-rows.ts';

const row = {
  user_id: 'acme',
  twilio_account_sid: accountSid(1),
  twilio_auth_token: authToken(1),
  sendgrid_api_key: 'SG.one.two',
};

/** A vault with incomplete records of a tenant under a key that is lost for now. */
async function vaultWithLostKey(more: Record<string, Record<string, string>> = {}) {
  const lost = newKey();
  const { store, key } = memoryVault();
  const before = new SecretsVault({ store, keys: new Keyring({ encryptionKey: lost }) });
  for (const [provider, fields] of Object.entries({
    twilio: { accountSid: accountSid(1) },
    ...more,
  })) {
    await before.put('acme', provider, fields);
  }
  const keys = new Keyring({ encryptionKey: key });
  await new SecretsVault({ store, keys }).put('zeta', 'custom', { a: 'b' });
  return { store, keys, restored: new Keyring({ encryptionKey: key, decryptionKeys: [lost] }) };
}

const stored = async (store: { list(tenantId: string): Promise<{ provider: string }[]> }) =>
  (await store.list('acme')).map(({ provider }) => provider);

describe('the import at first use', () => {
  it('is finished once the key of a record is restored', async () => {
    const { store, keys, restored } = await vaultWithLostKey();
    const settings = settingsRows(row);
    const vault = new SecretsVault({ store, keys, settings });
    expect((await vault.require('acme', 'sendgrid')).apiKey).toBe('SG.one.two');
    expect(await stored(store)).not.toContain('$settings-migrated');
    expect((await vault.list('acme')).map(({ provider }) => provider)).toEqual([
      'sendgrid',
      'twilio',
    ]);
    expect((await vault.status('acme')).map(({ provider }) => provider)).not.toContain(
      '$settings-pending',
    );

    const next = new SecretsVault({ store, keys: restored, settings });
    const client = await getTwilioClient(next, { tenantId: 'acme', env: {} });
    expect(client).toMatchObject({ username: accountSid(1), password: authToken(1) });
    expect(await stored(store)).toEqual(['$settings-migrated', 'sendgrid', 'twilio']);
    const scans = settings.scans;
    await new SecretsVault({ store, keys: restored, settings }).get('acme', 'openai');
    expect(settings.scans).toBe(scans);
  });

  it('is finished for each of several records whose key is restored', async () => {
    const { store, keys, restored } = await vaultWithLostKey({
      sendgrid: { senderEmail: 'a@b.example' },
    });
    const settings = settingsRows(row);
    await new SecretsVault({ store, keys, settings }).get('acme', 'openai');
    const next = new SecretsVault({ store, keys: restored, settings });
    await next.get('acme', 'openai');
    expect((await next.require('acme', 'twilio')).authToken).toBe(authToken(1));
    expect((await next.require('acme', 'sendgrid')).apiKey).toBe('SG.one.two');
  });

  it.each([
    'sendgrid', // imported
    'twilio', // pending
  ])('does not bring back the record of %s that was deleted meanwhile', async (provider) => {
    const { store, keys, restored } = await vaultWithLostKey();
    const settings = settingsRows(row);
    const vault = new SecretsVault({ store, keys, settings });
    await vault.get('acme', 'sendgrid');
    expect(await vault.delete('acme', provider)).toBe(true);
    const next = new SecretsVault({ store, keys: restored, settings });
    expect(await next.get('acme', provider)).toBeUndefined();
    expect(await next.get('acme', 'openai')).toBeUndefined();
    expect(await next.get('acme', provider)).toBeUndefined();
    expect(await stored(store)).toContain('$settings-migrated');
  });

  it('leaves the tenant usable while its own mark cannot be opened', async () => {
    const { store, keys } = await vaultWithLostKey();
    const settings = settingsRows(row);
    await new SecretsVault({ store, keys, settings }).get('acme', 'sendgrid');
    const other = new Keyring({ encryptionKey: newKey() });
    let now = 0;
    const next = new SecretsVault({ store, keys: other, settings, now: () => now });
    expect(await next.get('acme', 'openai')).toBeUndefined();
    await next.put('acme', 'openai', { apiKey: 'k' });
    expect((await next.require('acme', 'openai')).apiKey).toBe('k');
    expect(await stored(store)).not.toContain('$settings-migrated');
    const { scans } = settings;
    now += 30_000;
    expect(await next.get('acme', 'gemini')).toBeUndefined();
    expect(settings.scans).toBe(scans + 1); // it may be readable again
  });

  it('is not repeated by a process that has seen its mark', async () => {
    const { vault, store, keys } = memoryVault({ settings: settingsRows(row) });
    await vault.get('acme', 'openai');
    let now = 0;
    const settings = settingsRows(row);
    const next = new SecretsVault({ store, keys, settings, now: () => now });
    await next.get('acme', 'openai');
    const marks = vi.spyOn(store, 'getMany');
    now += 3_600_000;
    await next.get('acme', 'openai');
    expect(marks).not.toHaveBeenCalled();
    expect(settings.scans).toBe(0);
  });

  it('takes nothing from a document that must not be migrated, until that is mended', async () => {
    let now = 0;
    let problem: string | undefined = 'not a settings document';
    const settings = settingsRows(row);
    const { scan } = settings;
    settings.scan = async function* (query) {
      for await (const batch of scan.call(settings, query)) {
        yield batch.map((document) => ({ ...document, ...(problem && { problem }) }));
      }
    };
    const { vault, store } = memoryVault({ settings, now: () => now });
    expect(await vault.get('acme', 'twilio')).toBeUndefined();
    expect(await stored(store)).toEqual([]); // no mark
    problem = undefined;
    now += 30_000;
    expect((await vault.require('acme', 'twilio')).authToken).toBe(authToken(1));
  });

  it('is tried again, by the same process, after half a minute', async () => {
    const { store, keys } = await vaultWithLostKey();
    let now = 0;
    const settings = settingsRows(row);
    const vault = new SecretsVault({ store, keys, settings, now: () => now });
    for (let n = 0; n < 5; n++) await vault.get('acme', 'openai');
    expect(settings.scans).toBe(1);
    now += 30_000;
    for (let n = 0; n < 5; n++) await vault.get('acme', 'openai');
    expect(settings.scans).toBe(2);
  });

  it('skips a tenant whose key was erased, and writes no mark', async () => {
    const keyring = new Keyring({ encryptionKey: newKey() });
    const erased = Object.assign(new Error('erased'), { code: 'ERR_KEY_ERASED' });
    Object.defineProperty(erased, Symbol.for('provider-vault.error'), { value: true });
    const keys = {
      encryptionKey: () => Promise.reject(erased),
      decryptionKey: (id: string | undefined) => keyring.decryptionKey(id),
    };
    let now = 0;
    const settings = settingsRows(row);
    const { vault, store } = memoryVault({ keys, settings, now: () => now });
    expect(await vault.get('acme', 'twilio')).toBeUndefined();
    expect(await vault.list('acme')).toEqual([]);
    expect(await store.list('acme')).toEqual([]);
    expect(settings.scans).toBe(1);
    now += 30_000;
    await vault.list('acme'); // the tenant may have a new key
    expect(settings.scans).toBe(2);
  });
});

describe('a tenant without settings', () => {
  it('is found within a minute after its settings were written', async () => {
    let now = 0;
    const settings = settingsRows();
    const { vault } = memoryVault({ settings, now: () => now });
    for (let n = 0; n < 5; n++) expect(await vault.get('acme', 'twilio')).toBeUndefined();
    expect(settings.scans).toBe(1);
    settings.rows.push(row);
    now += 60_000;
    expect((await vault.require('acme', 'twilio')).authToken).toBe(authToken(1));
  });

  const rows = Array.from({ length: 300 }, (_, n) => ({ ...row, user_id: `u${n}`, org: `o${n}` }));
  const everything = (): SettingsSource & { scans: number } => {
    const source = settingsRows(...rows);
    const { scan } = source;
    source.scan = ({ batchSize, fields }) => scan.call(source, { batchSize, fields });
    return source;
  };

  it('does not cost a scan of all settings with tenantOf, whoever asks for how many', async () => {
    let now = 0;
    const settings = everything();
    const { vault } = memoryVault({
      settings: { settings, tenantOf: ({ org }) => org },
      now: () => now,
    });
    const ask = (name: string) =>
      Promise.all(Array.from({ length: 200 }, (_, n) => vault.get(`${name}${n}`, 'twilio')));
    await ask('x');
    await ask('y');
    expect(settings.scans).toBe(1);
    for (const org of ['o7', 'o8']) {
      expect((await vault.require(org, 'twilio')).authToken).toBe(authToken(1));
    }
    expect(settings.scans).toBe(3); // and one for the documents of each of the two
    now += 60_000;
    await ask('z');
    expect(settings.scans).toBe(4);
  });

  it('does not cost one in a source that does not look at the tenant', async () => {
    const settings = everything();
    const { vault } = memoryVault({ settings });
    for (let n = 0; n < 50; n++) expect(await vault.get(`x${n}`, 'twilio')).toBeUndefined();
    expect(settings.scans).toBe(2);
    expect((await vault.require('u7', 'twilio')).authToken).toBe(authToken(1));
  });
});

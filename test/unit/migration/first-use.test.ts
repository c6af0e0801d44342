import {
  getTwilioClient,
  isVaultError,
  Keyring,
  migrateFromSettings,
  rotateKeys,
  type SecretRecord,
  type SecretRef,
  SecretsVault,
  type SettingsSource,
  seal,
  verifyVault,
} from 'provider-vault';
import { describe, expect, it, vi } from 'vitest';
import { accountSid, auditEvents, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { settingsRows } from '../../support/settings-rows.ts';

const twilioRow = (user_id: string, n = 1) => ({
  user_id,
  twilio_account_sid: accountSid(n),
  twilio_auth_token: ` ${authToken(n)} `,
  sendgrid_api_key: 'SG.one.two',
});
const bundle = (n = 1) => ({ accountSid: accountSid(n), authToken: authToken(n) });

describe('a vault with settings', () => {
  it('migrates a tenant when its first credential is asked for, once', async () => {
    const settings = settingsRows(twilioRow('acme'), twilioRow('other', 2));
    const { vault, store } = memoryVault({ settings });
    const many = await Promise.all(Array.from({ length: 20 }, () => vault.get('acme', 'twilio')));
    expect(many.map((found) => found?.reveal())).toEqual(many.map(() => bundle()));
    expect(settings.scans).toBe(1);
    expect((await vault.require('acme', 'sendgrid')).apiKey).toBe('SG.one.two');
    expect(await vault.get('acme', 'openai')).toBeUndefined();
    expect(settings.scans).toBe(1);
    expect(settings.rows[0]).toEqual(twilioRow('acme')); // nothing is erased
    expect(await store.list('other')).toEqual([]); // of the others nothing is touched
  });

  it.each<[string, (vault: SecretsVault) => Promise<unknown>, unknown]>([
    ['getSecret', (vault) => vault.getSecret('acme', 'twilio_auth_token'), authToken(1)],
    ['list', async (vault) => (await vault.list('acme')).length, 2],
    [
      'getMany',
      async (vault) =>
        (await vault.getMany([{ tenantId: 'acme', provider: 'twilio' }]))[0]?.credentials?.reveal(),
      bundle(),
    ],
    ['status', async (vault) => (await vault.status('acme', 'twilio')).state, 'configured'],
    [
      'getAllSecrets',
      async (vault) => Object.keys((await vault.getAllSecrets('acme')).reveal()).sort(),
      ['sendgrid_api_key', 'twilio_account_sid', 'twilio_auth_token'],
    ],
    [
      'getTwilioClient',
      async (vault) => (await getTwilioClient(vault, { tenantId: 'acme', env: {} })).accountSid,
      accountSid(1),
    ],
    [
      'patch, which must not hide what is in the settings',
      async (vault) => {
        await vault.patch('acme', 'twilio', { region: 'ie1' });
        return (await vault.require('acme', 'twilio')).reveal();
      },
      { ...bundle(), region: 'ie1' },
    ],
    [
      'put, which replaces it',
      async (vault) => {
        await vault.put('acme', 'twilio', { accountSid: accountSid(3) });
        await vault.get('acme', 'openai');
        return (await vault.require('acme', 'twilio')).reveal();
      },
      { accountSid: accountSid(3) },
    ],
  ])('knows the settings in %s', async (_name, use, expected) => {
    const { vault } = memoryVault({ settings: settingsRows(twilioRow('acme')) });
    expect(await use(vault)).toEqual(expected);
  });

  it('imports all tenants of a getMany that have something, and says where it came from', async () => {
    const settings = settingsRows(twilioRow('a', 1), twilioRow('b', 2));
    const { vault, store } = memoryVault({ settings });
    await vault.put('c', 'twilio', bundle(3));
    const refs = ['a', 'c', 'nobody', 'b'].map((tenantId) => ({ tenantId, provider: 'twilio' }));
    const getMany = vi.spyOn(store, 'getMany');
    let found: Awaited<ReturnType<typeof vault.getMany>> = [];
    const events = await auditEvents(async () => {
      found = await vault.getMany(refs);
    });
    const reads = events.filter(({ action }) => action === 'get');
    expect(new Map(reads.map(({ tenantId, source }) => [tenantId, source]))).toEqual(
      new Map([
        ['a', 'settings'],
        ['c', 'vault'],
        ['nobody', 'vault'],
        ['b', 'settings'],
      ]),
    );
    expect(found.map(({ credentials }) => credentials?.reveal())).toEqual([
      bundle(1),
      bundle(3),
      undefined,
      bundle(2),
    ]);
    const asked = getMany.mock.calls.map(([of]) => of.map(({ tenantId }) => tenantId));
    expect(asked[0]).toEqual(['a', 'c', 'nobody', 'b']);
    expect(asked.at(-1)).toEqual(['a', 'nobody', 'b']); // those that were missing
    getMany.mockClear();
    await vault.getMany(refs.slice(0, 2)); // nothing is missing
    await vault.getMany([refs[2] as SecretRef]); // nothing can come
    expect(getMany).toHaveBeenCalledTimes(2);
  });

  it('says of a read whether it came from the settings', async () => {
    const { vault } = memoryVault({ settings: settingsRows(twilioRow('acme')) });
    const events = await auditEvents(async () => {
      for (const provider of ['twilio', 'twilio', 'openai']) await vault.get('acme', provider);
      await vault.get('nobody', 'twilio');
    });
    const reads = events.filter(({ action }) => action === 'get');
    expect(reads.map(({ source }) => source)).toEqual(['settings', 'vault', 'vault', 'vault']);
    const later = memoryVault({ settings: settingsRows(twilioRow('acme')) });
    const first = await auditEvents(() => later.vault.get('acme', 'openai'));
    expect(first.at(-1)).toMatchObject({ action: 'get', source: 'vault' });
  });

  it('does not ask the settings for a record that is there', async () => {
    const settings = settingsRows(twilioRow('acme', 2));
    const { vault, store, keys } = memoryVault();
    await vault.put('acme', 'twilio', bundle(1));
    const later = new SecretsVault({ store, keys, settings });
    expect((await later.require('acme', 'twilio')).authToken).toBe(authToken(1));
    expect(settings.scans).toBe(0);
    // … and where it does ask, the vault wins
    await later.get('acme', 'sendgrid');
    expect((await later.require('acme', 'twilio')).authToken).toBe(authToken(1));
  });

  it('completes for a client factory a record that is not whole', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const { vault, store, keys } = memoryVault();
    await vault.put('acme', 'twilio', { accountSid: accountSid(1), region: 'ie1' });
    const later = new SecretsVault({ store, keys, settings });
    const client = await getTwilioClient(later, { tenantId: 'acme', env: {} });
    expect(client).toMatchObject({ accountSid: accountSid(1), region: 'ie1' });
    await expect(getTwilioClient(later, { tenantId: 'nobody', env: {} })).rejects.toThrow(
      'Looked in the old settings, the vault',
    );
  });

  it.each([
    ['that was used before', true],
    ['that was never used', false],
  ])('does not bring back what was deleted of a tenant %s', async (_name, used) => {
    const settings = settingsRows(twilioRow('acme'));
    const { vault, store, keys } = memoryVault({ settings });
    if (used) await vault.require('acme', 'twilio');
    expect(await vault.delete('acme', 'twilio')).toBe(true);
    await vault.patch('acme', 'sendgrid', { apiKey: null, senderEmail: 'a@b.example' });

    // not in this process, and not in the next one
    for (const next of [vault, new SecretsVault({ store, keys, settings })]) {
      expect(await next.get('acme', 'twilio')).toBeUndefined();
      expect(await next.get('acme', 'openai')).toBeUndefined();
      expect((await next.require('acme', 'sendgrid')).reveal()).toEqual({
        senderEmail: 'a@b.example',
      });
      expect((await next.list('acme')).map(({ provider }) => provider)).toEqual(['sendgrid']);
    }
    expect(settings.scans).toBe(1);
  });

  it('keeps its mark out of sight, and sealed as all else', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const { vault, store, keys, key } = memoryVault({ settings });
    await vault.get('acme', 'twilio');
    const names = ['sendgrid', 'twilio'];
    expect((await vault.list('acme')).map(({ provider }) => provider)).toEqual(names);
    expect((await vault.status('acme')).map(({ provider }) => provider)).not.toContain(
      '$settings-migrated',
    );
    const [mark] = await store.list('acme');
    expect(mark?.provider).toBe('$settings-migrated');
    await expect(vault.delete('acme', '$settings-migrated')).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
    const newer = newKey();
    const rotated = new SecretsVault({
      store,
      keys: new Keyring({ encryptionKey: newer, decryptionKeys: [key] }),
      settings,
    });
    expect(await rotateKeys(rotated)).toMatchObject({ rotated: 2, remaining: 0 });
    expect((await verifyVault(rotated)).droppableKeys).toEqual([keys.encryptionKeyId]);
    expect(await rotated.get('acme', 'openai')).toBeUndefined();
    expect(settings.scans).toBe(1);
  });

  it('leaves no mark for a tenant that no settings know', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const { vault, store } = memoryVault({ settings });
    for (let n = 0; n < 3; n++) expect(await vault.get('nobody', 'twilio')).toBeUndefined();
    expect(settings.scans).toBe(1);
    expect(await store.list('nobody')).toEqual([]);
  });

  it('fails while the settings cannot be read, says no more, and tries again', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const scan = settings.scan.bind(settings);
    const failing: SettingsSource = {
      ...settings,
      // biome-ignore lint/correctness/useYield: it fails before it has anything to give
      async *scan() {
        throw new Error(`row of ${authToken(1)}`);
      },
    };
    const { vault, store } = memoryVault({ settings: failing });
    const error = await vault.get('acme', 'twilio').catch((reason: Error) => reason);
    expect(isVaultError(error, 'ERR_STORE_FAILED')).toBe(true);
    expect(String(error)).not.toContain(authToken(1));
    await expect(vault.delete('acme', 'twilio')).rejects.toThrow('could not be read');
    expect(await store.list('acme')).toEqual([]);
    failing.scan = scan;
    expect((await vault.require('acme', 'twilio')).reveal()).toEqual(bundle());
  });

  it('brings in what a killed process left undone', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const { vault, store, keys } = memoryVault({ settings });
    const put = store.put.bind(store);
    store.put = () => Promise.reject(new Error('killed before the mark'));
    await expect(vault.get('acme', 'twilio')).rejects.toThrow('killed');
    store.put = put;
    const next = new SecretsVault({ store, keys, settings });
    expect((await next.require('acme', 'twilio')).meta.rev).toBe(1);
    expect(await next.get('acme', 'openai')).toBeUndefined();
    expect(await store.get({ tenantId: 'acme', provider: '$settings-migrated' })).toBeDefined();
  });

  it('migrates what it can beside a record that cannot be opened', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const { vault, store } = memoryVault({ settings });
    const record: SecretRecord = {
      tenantId: 'acme',
      provider: 'twilio',
      data: seal('{}', newKey()),
    };
    await store.put(record, null);
    expect((await vault.require('acme', 'sendgrid')).apiKey).toBe('SG.one.two');
    expect((await store.get(record))?.data).toBe(record.data);
  });

  it('is still erased by migrateFromSettings', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const { vault } = memoryVault({ settings });
    await vault.get('acme', 'twilio');
    const report = await migrateFromSettings(vault, { settings, erase: true });
    expect(report).toMatchObject({ migrated: 0, unchanged: 3, erased: 3, plaintextRemaining: 0 });
  });
});

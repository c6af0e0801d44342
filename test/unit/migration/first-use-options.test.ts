import { MongoClient } from 'mongodb';
import { Keyring, MemorySecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, it, vi } from 'vitest';
import { accountSid, auditEvents, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { settingsRows } from '../../support/settings-rows.ts';

const twilioRow = (user_id: string, n = 1) => ({
  user_id,
  twilio_account_sid: accountSid(n),
  twilio_auth_token: ` ${authToken(n)} `,
  sendgrid_api_key: 'SG.one.two',
});

describe('the option settings of a vault', () => {
  it('takes options, and says in the audit trail where the credentials came from', async () => {
    const settings = settingsRows({ org: 'acme', token: 'abc' });
    const { vault } = memoryVault({
      settings: {
        settings: { ...settings, scan: () => settings.scan({ batchSize: 9 } as never) },
        mapping: { token: 'stripe.secretKey' },
        tenantOf: ({ org }) => org,
      },
    });
    const events = await auditEvents(() => vault.require('acme', 'stripe'));
    expect(events).toMatchObject([
      { action: 'migrate', provider: 'stripe', fields: ['secretKey'], source: 'settings' },
      { action: 'get', provider: 'stripe', source: 'settings', outcome: 'ok' },
    ]);
  });

  it('takes what MongoDB settings can be in, and connects to nothing before they are needed', () => {
    const db = new MongoClient('mongodb://localhost:1').db('app');
    const connect = vi.fn(async () => db);
    for (const settings of [db, db.collection('settings'), Promise.resolve(db), connect]) {
      expect(() => memoryVault({ settings })).not.toThrow();
      expect(() => memoryVault({ settings: { settings, secrets: settings } })).not.toThrow();
    }
    expect(connect).not.toHaveBeenCalled();
  });

  it('takes a source that has a member of that name', async () => {
    const settings = { ...settingsRows(twilioRow('acme')), settings: 'its own' };
    const { vault } = memoryVault({ settings });
    expect((await vault.require('acme', 'twilio')).authToken).toBe(authToken(1));
  });

  it('asks the source for the tenant and the mapped fields only', async () => {
    const settings = settingsRows(twilioRow('acme'));
    const scan = vi.spyOn(settings, 'scan');
    const mapping = { twilio_auth_token: 'twilio.authToken' };
    const { vault } = memoryVault({ settings: { settings, mapping } });
    expect((await vault.require('acme', 'twilio')).reveal()).toEqual({ authToken: authToken(1) });
    expect(scan.mock.calls.map(([query]) => query)).toEqual([
      { batchSize: expect.any(Number), fields: ['twilio_auth_token'], tenantIds: ['acme'] },
    ]);
  });

  it('finds all documents of a tenant that tenantOf tells, by their ids', async () => {
    const settings = settingsRows(
      { org: 'acme', token: 'a' },
      { org: 'other', token: 'b' },
      { token: 'of nobody' },
      { org: 'acme', secret: 'c' },
    );
    const scan = vi.spyOn(settings, 'scan');
    const mapping = { token: 'custom.token', secret: 'custom.secret' };
    const tenantOf = ({ org }: { org?: unknown }) => org;
    const { vault } = memoryVault({ settings: { settings, mapping, tenantOf } });
    const found = await vault.require('acme', 'custom');
    expect(found.reveal()).toEqual({ token: 'a', secret: 'c' });
    const [all, own] = scan.mock.calls.map(([query]) => query);
    expect(all?.fields).toEqual([]); // to learn the tenants
    expect(own).toMatchObject({ ids: [0, 3], fields: ['token', 'secret'] });
  });

  it('refuses to migrate under keys that are not those of the vault', async () => {
    const { vault, store } = memoryVault();
    await vault.put('other', 'custom', { a: 'b' });
    const wrong = new SecretsVault({
      store,
      keys: new Keyring({ encryptionKey: newKey() }),
      settings: settingsRows(twilioRow('acme')),
    });
    await expect(wrong.get('acme', 'twilio')).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' });
    expect(await store.list('acme')).toEqual([]);
  });

  it.each([null, 'settings', 7, {}, [[]], { settings: {} }, { settings: 'x' }])(
    'refuses %o as settings',
    (settings) => {
      const create = () =>
        new SecretsVault({
          store: new MemorySecretStore(),
          keys: new Keyring({ encryptionKey: newKey() }),
          settings: settings as never,
        });
      expect(create).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
    },
  );
});

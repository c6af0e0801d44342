import { Keyring, MemorySecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
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

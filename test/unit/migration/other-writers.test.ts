import {
  type MemorySecretStore,
  migrateFromSettings,
  type SecretRecord,
  SecretsVault,
  seal,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { accountSid, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { settingsRows } from '../../support/settings-rows.ts';

const row = { user_id: 'acme', twilio_auth_token: authToken(1), openai_api_key: 'k' };
const twilio = { tenantId: 'acme', provider: 'twilio' };

/** A vault whose record of twilio another process changes first, at each of the next `times` writes. */
function contended(times: number) {
  const settings = settingsRows({ ...row });
  const { store, keys, vault } = memoryVault();
  const other = new SecretsVault({ store, keys });
  const putMany = store.putMany.bind(store);
  let changes = 0;
  store.putMany = async (writes) => {
    const races = writes.some(({ record }) => record.provider === 'twilio');
    if (races && changes < times) {
      await other.patch('acme', 'twilio', { accountSid: accountSid(++changes) });
    }
    return putMany(writes);
  };
  const stop = () => {
    changes = times;
  };
  return { store, keys, settings, stop, vault };
}

describe('a migration beside other writers', () => {
  it('imports into the record that another writer has left', async () => {
    for (const times of [1, 3]) {
      const { vault, settings } = contended(times);
      const report = await migrateFromSettings(vault, { settings, erase: true });
      expect(report).toMatchObject({ migrated: 2, erased: 2, failedCount: 0 });
      expect((await vault.require('acme', 'twilio')).reveal()).toEqual({
        authToken: authToken(1),
        accountSid: accountSid(times),
      });
      expect((await vault.require('acme', 'openai')).meta.rev).toBe(1);
    }
  });

  it('reports a record that others keep writing, and migrates the rest', async () => {
    const { vault, settings } = contended(Number.POSITIVE_INFINITY);
    const report = await migrateFromSettings(vault, { settings, erase: true });
    expect(report).toMatchObject({ migrated: 1, erased: 1, plaintextRemaining: 1, failedCount: 1 });
    expect(report.failed).toEqual([
      { ...twilio, field: 'authToken', source: 'rows/0', reason: 'ERR_CONFLICT' },
    ]);
    const { openai_api_key: _erased, ...left } = row;
    expect(settings.rows).toEqual([left]);
  });

  it('at first use fails while others keep writing, and is done by the next call', async () => {
    const { store, keys, settings, stop } = contended(Number.POSITIVE_INFINITY);
    const vault = new SecretsVault({ store, keys, settings });
    await expect(vault.get('acme', 'gemini')).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
      message: expect.stringContaining(
        'tenant "acme" could not be migrated: its record for provider "twilio"',
      ),
    });
    const names = (await store.list('acme')).map(({ provider }) => provider);
    expect(names).toEqual(['openai', 'twilio']); // no mark
    stop();
    expect(await vault.get('acme', 'gemini')).toBeUndefined();
    expect((await vault.require('acme', 'twilio')).authToken).toBe(authToken(1));
  });

  it('keeps the earlier versions of the records that it completes', async () => {
    const { vault } = memoryVault();
    for (const region of ['ie1', 'au1']) await vault.put('acme', 'twilio', { region });
    await migrateFromSettings(vault, { settings: settingsRows({ ...row }) });
    const versions = await vault.history('acme', 'twilio');
    expect(versions.map(({ rev }) => rev)).toEqual([2, 1]);
  });
});

describe('a migration that erases', () => {
  it.each<[string, (vault: SecretsVault, store: MemorySecretStore) => Promise<unknown>]>([
    ['was deleted', (vault) => vault.delete('acme', 'twilio')],
    ['was replaced', (vault) => vault.put('acme', 'twilio', { authToken: authToken(2) })],
    ['lost its field', (vault) => vault.put('acme', 'twilio', { accountSid: accountSid(1) })],
    [
      'was damaged',
      async (_vault, store) => {
        const record = (await store.get(twilio)) as SecretRecord;
        await store.put({ ...record, data: seal('{}', newKey()) }, record.data.slice(0, 16));
      },
    ],
  ])('leaves the plaintext of a record that %s before it was read back', async (_name, change) => {
    const { vault, store } = memoryVault();
    const settings = settingsRows({ ...row });
    const putMany = store.putMany.bind(store);
    store.putMany = async (writes) => {
      const done = await putMany(writes);
      await change(vault, store);
      return done;
    };
    const report = await migrateFromSettings(vault, { settings, erase: true });
    expect(report).toMatchObject({ migrated: 2, erased: 1, plaintextRemaining: 1 });
    expect(settings.rows).toEqual([{ user_id: 'acme', twilio_auth_token: authToken(1) }]);
  });
});

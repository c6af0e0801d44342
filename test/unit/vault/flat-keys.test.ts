import { inspect } from 'node:util';
import { defineProvider, Keyring, SecretsVault } from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { accountSid, apiKeySid, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { countingStore } from '../../support/spy-store.ts';

const refused = expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' });

describe('flat keys [L6]', () => {
  it('live in the bundle of their provider', async () => {
    const { vault } = memoryVault();
    await vault.setSecret('acme', 'twilio_auth_token', authToken(1));
    await vault.setSecret('acme', 'sender_email', 'a@example.com');
    expect((await vault.require('acme', 'twilio')).authToken).toBe(authToken(1));
    expect((await vault.require('acme', 'sendgrid')).senderEmail).toBe('a@example.com');
    expect(await vault.getSecret('acme', 'twilio_auth_token')).toBe(authToken(1));
    expect(await vault.getSecret('acme', 'twilio_account_sid')).toBeUndefined();
    expect(await vault.getSecret('other', 'twilio_auth_token')).toBeUndefined();
  });

  it('that nobody knows are fields of "custom" of their own name', async () => {
    const { vault } = memoryVault();
    await vault.setSecret('acme', 'facebook_webhook_verify_token', 'x');
    await vault.setSecret('acme', 'twilio_region', 'y');
    expect((await vault.require('acme', 'custom')).reveal()).toEqual({
      facebook_webhook_verify_token: 'x',
      twilio_region: 'y',
    });
  });

  it('of your own definitions are known', async () => {
    const stripe = defineProvider({
      name: 'stripe',
      fields: { key: { label: 'Key', secret: true, settingsKey: 'stripe_secret' } },
      complete: [['key']],
    });
    const { vault } = memoryVault({ providers: [stripe] });
    await vault.setSecret('acme', 'stripe_secret', 'x');
    expect((await vault.require('acme', stripe)).key).toBe('x');
    const twice = { ...stripe, name: 'other' };
    expect(() => memoryVault({ providers: [stripe, defineProvider(twice)] })).toThrow(refused);
  });

  it('reach every field of every provider', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'twilio', { region: 'ie1', authToken: authToken(1) });
    await vault.put('acme', 'my.stripe', { secretKey: 'x', empty: '' });
    await vault.put('acme', 'custom', { any: 'y', twilio_auth_token: 'z' });
    const all = await vault.getAllSecrets('acme');
    expect(all.reveal()).toEqual({
      'twilio.region': 'ie1',
      twilio_auth_token: authToken(1),
      'my.stripe.secretKey': 'x',
      'my.stripe.empty': '',
      any: 'y',
      'custom.twilio_auth_token': 'z',
    });
    for (const [key, value] of Object.entries(all.reveal())) {
      expect(await vault.getSecret('acme', key), key).toBe(value);
    }
    await vault.setSecret('acme', 'twilio.region', 'us1');
    expect((await vault.require('acme', 'twilio')).region).toBe('us1');
  });

  it.each(['', '.', 'a.', '.a', 'a b', '$where', '__proto__', 'x'.repeat(65), 1, null, { a: 1 }])(
    'refuse %j',
    async (key) => {
      const { vault } = memoryVault();
      const text = key as string;
      await expect(vault.setSecret('acme', text, 'x')).rejects.toThrow(refused);
      const map = JSON.parse(`{${JSON.stringify(String(text))}:{}}`);
      await expect(vault.setSecrets('acme', map)).rejects.toThrow(refused);
      expect(await vault.list('acme')).toEqual([]);
      if (typeof key === 'string') return;
      await expect(vault.getSecret('acme', text)).rejects.toThrow(refused);
      await expect(vault.deleteSecret('acme', text)).rejects.toThrow(refused);
    },
  );
});

describe('setSecrets', () => {
  it('writes one patch for each provider', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await vault.setSecret('acme', 'twilio_account_sid', accountSid(1));
    const written = await vault.setSecrets('acme', {
      twilio_auth_token: authToken(1),
      twilio_phone_number: '+15550100',
      sendgrid_api_key: `SG.${'a'}.b`,
      anything: 'x',
    });
    expect(written.map(({ provider, rev }) => [provider, rev])).toEqual([
      ['twilio', 2],
      ['sendgrid', 1],
      ['custom', 1],
    ]);
    expect(calls.put).toBe(4);
    expect((await vault.require('acme', 'twilio')).reveal()).toEqual({
      accountSid: accountSid(1),
      authToken: authToken(1),
      phoneNumber: '+15550100',
    });
    expect(await vault.setSecrets('acme', {})).toEqual([]);
  });

  it('refuses all when one is refused', async () => {
    const { vault } = memoryVault();
    for (const secrets of [
      { anything: 'x', twilio_account_sid: apiKeySid(1) },
      { anything: 'x', openai_api_key: 5 },
      null,
      'text',
      ['a'],
    ]) {
      await expect(vault.setSecrets('acme', secrets as never)).rejects.toThrow(refused);
    }
    expect(await vault.list('acme')).toEqual([]);
  });

  it('has ended all its writes when it rejects', async () => {
    const { vault, store, keys } = memoryVault();
    const slow = new FaultyStore(store);
    slow.fail('put', { delayMs: 30 }, 2);
    slow.fail('put', 'before', 1);
    const through = new SecretsVault({ store: slow.store, keys });
    const secrets = { a: '1', twilio_auth_token: authToken(1) };
    await expect(through.setSecrets('acme', secrets)).rejects.toThrow('planned failure');
    const written = await vault.list('acme');
    await new Promise((later) => setTimeout(later, 60));
    expect(await vault.list('acme')).toEqual(written);
    expect(written).toHaveLength(1);
  });

  it('removes what is null', async () => {
    const { vault } = memoryVault();
    await vault.setSecrets('acme', { a: '1', b: '2' });
    await vault.setSecrets('acme', { a: null });
    expect((await vault.getAllSecrets('acme')).reveal()).toEqual({ b: '2' });
  });
});

describe('getAllSecrets', () => {
  it('is one round trip, and as hard to print as any bundle', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await vault.setSecrets('acme', { twilio_auth_token: authToken(7), other: authToken(7) });
    const all = await vault.getAllSecrets('acme');
    expect(calls.list).toBe(1);
    expect(calls.getMany ?? 0).toBe(0);
    expect(all.twilio_auth_token).toBe(authToken(7));
    expect(all.meta.map(({ provider }) => provider)).toEqual(['custom', 'twilio']);
    const shown = `${all} ${JSON.stringify(all)} ${inspect({ all }, { depth: 9, showHidden: true })}`;
    expect(shown).toContain('twilio_auth_token');
    expect(shown).not.toContain(authToken(7));
    expect((await vault.getAllSecrets('nobody')).reveal()).toEqual({});
  });

  it('fails when a record cannot be opened: a part would look like the whole', async () => {
    const { vault, store } = memoryVault();
    await vault.setSecret('acme', 'a', '1');
    await store.put({ tenantId: 'acme', provider: 'twilio', data: 'AAAA' }, null);
    await expect(vault.getAllSecrets('acme')).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    );
    expect(await vault.getSecret('acme', 'a')).toBe('1');
  });
});

describe('deleteSecret', () => {
  it('says whether there was one, and leaves the others', async () => {
    const { vault } = memoryVault();
    await vault.setSecrets('acme', { a: '1', b: '' });
    expect(await vault.deleteSecret('acme', 'a')).toBe(true);
    expect(await vault.deleteSecret('acme', 'a')).toBe(false);
    expect(await vault.deleteSecret('acme', 'twilio_auth_token')).toBe(false);
    expect(await vault.deleteSecret('acme', 'b')).toBe(true);
    expect((await vault.list('acme')).map(({ rev }) => rev)).toEqual([3]);
  });

  it('leaves no earlier version that holds the value', async () => {
    const { vault, store } = memoryVault();
    await vault.setSecrets('acme', { a: '1', b: '2' });
    await vault.setSecret('acme', 'b', '3');
    await vault.deleteSecret('acme', 'a');
    expect(await vault.history('acme', 'custom')).toEqual([]);
    expect((await store.get({ tenantId: 'acme', provider: 'custom' }))?.history).toBeUndefined();
  });
});

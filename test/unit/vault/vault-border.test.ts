import {
  defineProvider,
  Keyring,
  type SecretRecord,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { apiKeySid, memoryVault, newKey } from '../../support/fixtures.ts';
import { countingStore } from '../../support/spy-store.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('the border', () => {
  const bad = [
    { $ne: null },
    ['default'],
    '',
    'x'.repeat(200),
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'a\u0000b',
    'a\nb',
    '\ud800',
    undefined,
    null,
    7,
  ];

  it.each(bad)('refuses %j as a tenant or provider, and asks no store', async (name) => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    const text = name as string;
    const invalid = code('ERR_INVALID_ARGUMENT');
    for (const [tenant, provider] of [
      [text, 'twilio'],
      ['default', text],
    ] as const) {
      await expect(vault.get(tenant, provider)).rejects.toThrow(invalid);
      await expect(vault.require(tenant, provider)).rejects.toThrow(invalid);
      await expect(vault.put(tenant, provider, {})).rejects.toThrow(invalid);
      await expect(vault.patch(tenant, provider, {})).rejects.toThrow(invalid);
      await expect(vault.delete(tenant, provider)).rejects.toThrow(invalid);
      await expect(vault.getMany([{ tenantId: tenant, provider }])).rejects.toThrow(invalid);
    }
    await expect(vault.list(text)).rejects.toThrow(invalid);
    await expect(vault.setSecrets(text, {})).rejects.toThrow(invalid);
    expect(calls).toEqual({});
  });

  it.each([
    { 'a.b': '1' },
    { $bind: '1' },
    { '': '1' },
    { '1a': '1' },
    { ['x'.repeat(65)]: '1' },
    { a: 1 },
    { a: { $ne: null } },
    { a: ['1'] },
    { a: true },
    { a: undefined },
    null,
    'text',
    ['a'],
  ])('refuses the fields %j', async (fields) => {
    const { vault } = memoryVault();
    await expect(vault.put('a', 'custom', fields as never)).rejects.toThrow(
      code('ERR_INVALID_ARGUMENT'),
    );
    expect(await vault.get('a', 'custom')).toBeUndefined();
  });

  it('checks values by the definition, and names the expected form, not the value', async () => {
    const { vault } = memoryVault();
    const wrong = apiKeySid(3);
    const error = await vault.put('a', 'twilio', { accountSid: wrong }).catch((e: Error) => e);
    expect(error).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/accountSid.*"AC" and 32 hex digits/),
    });
    expect(String((error as Error).stack)).not.toContain(wrong);
    await expect(vault.put('a', 'twilio', { authTokn: 'x' } as never)).rejects.toThrow(
      /no field "authTokn".*authToken/,
    );
  });

  it('takes definitions of its own', async () => {
    const stripe = defineProvider({
      name: 'stripe',
      fields: { secretKey: { label: 'Secret key', secret: true, pattern: /^sk_/g } },
      complete: [['secretKey']],
    });
    const { vault } = memoryVault({ providers: [stripe] });
    for (const provider of [stripe, 'stripe'] as const) {
      await vault.put('a', provider, { secretKey: 'sk_1' });
      await expect(vault.put('a', provider, { secretKey: 'pk_1' })).rejects.toThrow(
        code('ERR_INVALID_ARGUMENT'),
      );
      expect((await vault.require('a', provider)).secretKey).toBe('sk_1');
    }
    await vault.put('a', 'twilio', {});
    const name = { $ne: null } as never;
    const frozen = (object: { fields: object; complete: [] }) => {
      Object.freeze(object.fields);
      return Object.freeze(object);
    };
    for (const fake of [
      { name: 'twilio', fields: {}, complete: [] as [] },
      frozen({ name: 'twilio', fields: {}, complete: [] } as never),
      frozen({ name, fields: {}, complete: [] } as never),
    ]) {
      await expect(vault.get('a', fake as never)).rejects.toThrow(code('ERR_INVALID_ARGUMENT'));
      await expect(vault.delete('a', fake as never)).rejects.toThrow(code('ERR_INVALID_ARGUMENT'));
    }
    expect((await vault.list('a')).map(({ provider }) => provider)).toContain('twilio');
  });

  it.each([undefined, null, 'ab', 7, {}])('refuses %j as a list of records', async (refs) => {
    const { vault } = memoryVault();
    const invalid = code('ERR_INVALID_ARGUMENT');
    await expect(vault.getMany(refs as never)).rejects.toThrow(invalid);
    await expect((async () => vault.tenant('a').getMany(refs as never))()).rejects.toThrow(invalid);
  });

  it('refuses options of another type', async () => {
    const { vault, store, keys } = memoryVault();
    for (const options of [
      { ifMatch: 1 },
      { ifMatch: undefined },
      { ifMatch: { $ne: null } },
      { actor: { $ne: 1 } },
      { reason: 'x'.repeat(1025) },
      { actor: 'ada\0' },
      { signal: {} },
      { signal: 'now' },
      null,
      'text',
      7,
    ]) {
      await expect(vault.get('a', 'custom', options as never)).rejects.toThrow(
        code('ERR_INVALID_ARGUMENT'),
      );
      await expect(vault.put('a', 'custom', {}, options as never)).rejects.toThrow(
        code('ERR_INVALID_ARGUMENT'),
      );
    }
    for (const options of [
      { store },
      { keys },
      { store, keys, unbound: 'maybe' },
      { store, keys, history: { keep: -1 } },
      { store, keys, history: 5 },
      { store, keys, history: null },
      undefined,
      null,
      { store, keys, maxClients: 0 },
      { store, keys, maxClients: 1.5 },
      { store, keys, now: 5 },
    ]) {
      expect(() => new SecretsVault(options as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
  });

  it('names the lookup key that is wrong', () => {
    const { store, keys } = memoryVault();
    expect(() => new SecretsVault({ store, keys, lookupKey: 'short' })).toThrow(
      expect.objectContaining({
        code: 'ERR_KEY_INVALID',
        message: expect.stringContaining('lookupKey must be'),
      }),
    );
  });

  it('refuses an actor and a reason of one character too many', async () => {
    const { vault } = memoryVault();
    const longest = 'x'.repeat(1024);
    await vault.put('a', 'custom', {}, { actor: longest, reason: longest });
    for (const options of [{ actor: `${longest}x` }, { reason: `${longest}x` }]) {
      await expect(vault.put('a', 'custom', {}, options)).rejects.toThrow(
        code('ERR_INVALID_ARGUMENT'),
      );
    }
  });

  it.each([undefined, null, {}, 'vault'])('refuses %j in the place of a vault', async (vault) => {
    await expect(verifyVault(vault as never)).rejects.toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it.each([
    { tenantId: 'b', provider: 'custom' },
    { tenantId: 'a', provider: 'other' },
    { tenantId: 'a', provider: 7 },
  ])('takes no record of another address from its store: %j', async (address) => {
    const { vault, store } = memoryVault();
    await vault.put('a', 'custom', { token: 'x' });
    const record = await store.get({ tenantId: 'a', provider: 'custom' });
    const wrong = { ...record, ...address } as SecretRecord;
    store.get = async () => wrong;
    store.list = async () => [wrong];
    await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_STORE_FAILED'));
    // A list takes every provider of its tenant.
    if (address.provider !== 'other') {
      await expect(vault.list('a')).rejects.toThrow(code('ERR_STORE_FAILED'));
    }
  });
});

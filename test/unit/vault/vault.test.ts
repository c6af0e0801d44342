import fc from 'fast-check';
import { defineProvider, Keyring, type SecretRecord, SecretsVault, seal } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { bareOpen } from '../../support/bare-reader.ts';
import { accountSid, apiKeySid, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { countingStore } from '../../support/spy-store.ts';
import vectors from '../../vectors/pycryptodome.json' with { type: 'json' };

const credentials = { accountSid: accountSid(1), authToken: authToken(1) };
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('put, get, patch, delete, list', () => {
  it('gives back what was put', async () => {
    const { vault } = memoryVault();
    const info = await vault.put('acme', 'twilio', credentials, { actor: 'ann' });
    expect(info).toMatchObject({ tenantId: 'acme', provider: 'twilio', rev: 1, updatedBy: 'ann' });
    const found = await vault.get('acme', 'twilio');
    expect(found?.reveal()).toEqual(credentials);
    expect(found?.meta).toEqual(info);
    expect(await vault.get('acme', 'sendgrid')).toBeUndefined();
    expect(await vault.get('other', 'twilio')).toBeUndefined();
  });

  it('put replaces, patch merges, null removes', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { a: '1', b: '2' });
    await vault.patch('acme', 'custom', { b: null, c: '3', d: undefined });
    expect((await vault.require('acme', 'custom')).reveal()).toEqual({ a: '1', c: '3' });
    await vault.put('acme', 'custom', { z: '' });
    const { meta, reveal: _, ...rest } = await vault.require('acme', 'custom');
    expect(meta.rev).toBe(3);
    expect(Object.values(rest)).toEqual([['z']]);
  });

  it('patch makes a record where there is none', async () => {
    const { vault } = memoryVault();
    await vault.patch('acme', 'custom', { a: '1' });
    expect((await vault.require('acme', 'custom')).reveal()).toEqual({ a: '1' });
  });

  it('delete says whether there was a record', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { a: '1' });
    await expect(vault.delete('acme', 'custom', { expectedRev: 2 })).rejects.toThrow(
      code('ERR_CONFLICT'),
    );
    expect(await vault.delete('acme', 'custom')).toBe(true);
    expect(await vault.delete('acme', 'custom')).toBe(false);
    expect(await vault.get('acme', 'custom')).toBeUndefined();
  });

  it('list tells of records without opening them', async () => {
    const now = new Date('2020-01-02T03:04:05Z');
    const { vault, keys } = memoryVault({ now: () => now });
    await vault.put('acme', 'twilio', credentials);
    await vault.put('acme', 'custom', { a: '1' });
    await vault.put('other', 'custom', { a: '1' });
    const common = { tenantId: 'acme', rev: 1, keyId: keys.encryptionKeyId };
    expect(await vault.list('acme')).toEqual([
      { ...common, provider: 'custom', createdAt: now, updatedAt: now },
      { ...common, provider: 'twilio', createdAt: now, updatedAt: now },
    ]);
  });

  it('getMany asks the store once, and answers in order', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    for (const tenant of ['a', 'b', 'c']) await vault.put(tenant, 'custom', { of: tenant });
    const refs = ['c', 'none', 'a'].map((tenantId) => ({ tenantId, provider: 'custom' }));
    const found = await vault.getMany(refs);
    expect(found.map((bundle) => bundle?.reveal().of)).toEqual(['c', undefined, 'a']);
    expect(calls.getMany).toBe(1);
    expect(calls.get).toBe(3); // of the puts
  });

  it('require throws where there is nothing', async () => {
    const { vault } = memoryVault();
    await expect(vault.require('acme', 'twilio')).rejects.toThrow(code('ERR_SECRET_NOT_FOUND'));
  });

  it('keeps any text in any allowed field', async () => {
    const { vault, store, key } = memoryVault();
    const fields = fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,63}$/), fc.string());
    await fc.assert(
      fc.asyncProperty(fields, async (given) => {
        await vault.put('acme', 'custom', given);
        const stored = (await store.get({ tenantId: 'acme', provider: 'custom' })) as SecretRecord;
        const { $bind, ...readByOthers } = bareOpen(stored.data, key);
        expect(readByOthers).toEqual({ ...given });
        expect($bind).toEqual({ t: 'acme', p: 'custom', r: stored.metadata?.rev });
        expect((await vault.require('acme', 'custom')).reveal()).toEqual({ ...given });
      }),
    );
  });
});

describe('compare-and-set [R6]', () => {
  it('refuses a write at another revision', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { a: '1' }, { expectedRev: 0 });
    for (const expectedRev of [0, 2]) {
      const again = { a: '2' };
      await expect(vault.put('acme', 'custom', again, { expectedRev })).rejects.toThrow(
        code('ERR_CONFLICT'),
      );
      await expect(vault.patch('acme', 'custom', again, { expectedRev })).rejects.toThrow(
        code('ERR_CONFLICT'),
      );
    }
    expect((await vault.put('acme', 'custom', { a: '2' }, { expectedRev: 1 })).rev).toBe(2);
    expect((await vault.patch('acme', 'custom', { a: '3' }, { expectedRev: 2 })).rev).toBe(3);
  });

  it('merges the patches of a hundred writers', async () => {
    const { store, keys, vault } = memoryVault();
    const vaults = [1, 2, 3, 4].map(() => new SecretsVault({ store, keys }));
    await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        vaults[n % 4]?.patch('acme', 'custom', { [`f${n}`]: `${n}` }),
      ),
    );
    const found = await vault.require('acme', 'custom');
    expect(Object.keys(found.reveal())).toHaveLength(100);
    expect(found.meta.rev).toBe(100);
  });

  it('stops when told to', async () => {
    const { vault } = memoryVault();
    const signal = AbortSignal.abort();
    await expect(vault.put('acme', 'custom', {}, { signal })).rejects.toThrow('aborted');
    expect(await vault.get('acme', 'custom')).toBeUndefined();
  });

  it('overwrites what cannot be opened any more, but does not merge into it', async () => {
    const { store } = memoryVault();
    const lost = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await lost.put('acme', 'custom', { a: '1' });
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await expect(vault.get('acme', 'custom')).rejects.toThrow(code('ERR_KEY_UNKNOWN'));
    await expect(vault.patch('acme', 'custom', { b: '2' })).rejects.toThrow(
      code('ERR_KEY_UNKNOWN'),
    );
    expect((await vault.put('acme', 'custom', { b: '2' })).rev).toBe(2);
  });
});

describe('binding [R3]', () => {
  async function swapped(from: [string, string], to: [string, string]) {
    const { vault, store } = memoryVault();
    await vault.put(from[0], from[1], { a: 'from' });
    await vault.put(to[0], to[1], { a: 'to' });
    const source = (await store.get({ tenantId: from[0], provider: from[1] })) as SecretRecord;
    const target = (await store.get({ tenantId: to[0], provider: to[1] })) as SecretRecord;
    await store.put({ ...target, data: source.data }, 1);
    return vault.get(to[0], to[1]);
  }

  it('refuses data of another tenant, provider or revision', async () => {
    await expect(swapped(['a', 'custom'], ['b', 'custom'])).rejects.toThrow(code('ERR_BINDING'));
    await expect(swapped(['a', 'custom'], ['a', 'stripe'])).rejects.toThrow(code('ERR_BINDING'));

    const { vault, store } = memoryVault();
    const ref = { tenantId: 'a', provider: 'custom' };
    await vault.put('a', 'custom', { a: 'old' });
    const old = (await store.get(ref)) as SecretRecord;
    await vault.put('a', 'custom', { a: 'new' });
    const current = (await store.get(ref)) as SecretRecord;
    await store.put({ ...current, data: old.data }, 2);
    await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_BINDING'));
    // and without its metadata a bound record does not pass for one of the old system
    const { metadata: _, ...bare } = current;
    await store.put(bare as SecretRecord, 2);
    await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_BINDING'));
  });

  it.each([null, 1, 'x', [], {}, { t: 'a', p: 'custom' }, { t: 'a', p: 'custom', r: '0' }])(
    'refuses a binding of another form: %j',
    async ($bind) => {
      const { vault, store, key } = memoryVault();
      const data = seal(JSON.stringify({ a: '1', $bind }), key);
      await store.put({ tenantId: 'a', provider: 'custom', data }, 0);
      await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_BINDING'));
    },
  );
});

describe('records of the old system [R4] [L3]', () => {
  const keys = new Keyring({ encryptionKey: newKey(), decryptionKeys: [vectors.keyB64] });

  it.each(vectors.open)('are read and rewritten: $name', async ({ data, plaintextB64 }) => {
    const { vault, store } = memoryVault({ keys });
    const ref = { tenantId: 'default', provider: 'custom' };
    await store.put({ ...ref, data, note: 'mine', metadata: { origin: 'py' } }, 0);

    const expected = Object.fromEntries(
      Object.entries(JSON.parse(Buffer.from(plaintextB64, 'base64').toString()))
        .filter(([, value]) => value !== null)
        .map(([field, value]) => [field, String(value)]),
    );
    const found = await vault.require('default', 'custom');
    expect(found.reveal()).toEqual(expected);
    expect(found.meta).toMatchObject({ rev: 0, keyId: undefined });

    const refusing = new SecretsVault({ store, keys, unbound: 'refuse' });
    await expect(refusing.get('default', 'custom')).rejects.toThrow(code('ERR_UNBOUND'));

    await vault.patch('default', 'custom', { added: 'yes' });
    expect((await refusing.require('default', 'custom')).reveal()).toEqual({
      ...expected,
      added: 'yes',
    });
    // [R7] what others left in the record is still there
    expect(await store.get(ref)).toMatchObject({
      note: 'mine',
      metadata: { origin: 'py', rev: 1, keyId: keys.encryptionKeyId },
    });
  });

  it.each(['[]', '"text"', '1', 'null', 'no json', '', '{"a":{"b":1}}', '{"a":[]}'])(
    'are refused when they hold %s',
    async (text) => {
      const { vault, store, key } = memoryVault();
      await store.put({ tenantId: 'a', provider: 'custom', data: seal(text, key) }, 0);
      await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_MALFORMED'));
    },
  );
});

describe('keys are chosen by id [R5]', () => {
  it('tries no other key than the one that is named', async () => {
    const { vault, store, keys, key } = memoryVault();
    await vault.put('a', 'custom', { a: '1' });
    const record = (await store.get({ tenantId: 'a', provider: 'custom' })) as SecretRecord;
    const other = newKey();
    const ring = new Keyring({ encryptionKey: other, decryptionKeys: [key] });
    await store.put(
      { ...record, metadata: { ...record.metadata, keyId: ring.encryptionKeyId } },
      1,
    );
    const reader = new SecretsVault({ store, keys: ring });
    await expect(reader.get('a', 'custom')).rejects.toThrow(code('ERR_DECRYPTION_FAILED'));
    await store.put(record, 1);
    expect((await reader.require('a', 'custom')).meta.keyId).toBe(keys.encryptionKeyId);
  });

  it('takes keys from any provider, also one that answers later', async () => {
    const ring = new Keyring({ encryptionKey: newKey() });
    const asked: unknown[] = [];
    const { vault } = memoryVault({
      keys: {
        encryptionKey: async (ref) => {
          asked.push(ref);
          return ring.encryptionKey();
        },
        decryptionKey: async (id, ref) => {
          asked.push([id, ref]);
          return ring.decryptionKey(id);
        },
      },
    });
    const ref = { tenantId: 'a', provider: 'custom' };
    await vault.put('a', 'custom', { a: '1' });
    expect((await vault.require('a', 'custom')).a).toBe('1');
    expect(asked).toEqual([ref, [ring.encryptionKeyId, expect.objectContaining(ref)]]);
  });
});

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

  it('checks values by the definition, and says what was expected, not what came', async () => {
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
    const fake = { name: 'twilio', fields: {}, complete: [] };
    await expect(vault.get('a', fake)).rejects.toThrow(code('ERR_INVALID_ARGUMENT'));
  });

  it('refuses options of another type', async () => {
    const { vault, store, keys } = memoryVault();
    for (const options of [{ expectedRev: -1 }, { expectedRev: '1' }, { actor: { $ne: 1 } }]) {
      await expect(vault.put('a', 'custom', {}, options as never)).rejects.toThrow(
        code('ERR_INVALID_ARGUMENT'),
      );
    }
    for (const options of [
      { store },
      { keys },
      { store, keys, unbound: 'maybe' },
      { store, keys, history: -1 },
    ]) {
      expect(() => new SecretsVault(options as never)).toThrow(code('ERR_INVALID_ARGUMENT'));
    }
  });
});

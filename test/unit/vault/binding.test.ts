import { etag, Keyring, type SecretRecord, SecretsVault, seal } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey } from '../../support/fixtures.ts';
import vectors from '../../vectors/pycryptodome.json' with { type: 'json' };

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('binding [R3]', () => {
  async function swapped(from: [string, string], to: [string, string]) {
    const { vault, store } = memoryVault();
    await vault.put(from[0], from[1], { a: 'from' });
    await vault.put(to[0], to[1], { a: 'to' });
    const source = (await store.get({ tenantId: from[0], provider: from[1] })) as SecretRecord;
    const target = (await store.get({ tenantId: to[0], provider: to[1] })) as SecretRecord;
    await store.put({ ...target, data: source.data }, etag(target));
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
    await store.put({ ...current, data: old.data }, etag(current));
    await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_BINDING'));
    // and without its metadata a bound record does not pass for one of the old system
    const { metadata: _, ...bare } = current;
    await store.put(bare as SecretRecord, etag(old));
    await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_BINDING'));
  });

  it.each([null, 1, 'x', [], {}, { t: 'a', p: 'custom' }, { t: 'a', p: 'custom', r: '0' }])(
    'refuses a binding of another form: %j',
    async ($bind) => {
      const { vault, store, key } = memoryVault();
      const data = seal(JSON.stringify({ a: '1', $bind }), key);
      await store.put({ tenantId: 'a', provider: 'custom', data }, null);
      await expect(vault.get('a', 'custom')).rejects.toThrow(code('ERR_BINDING'));
    },
  );
});

describe('records of the old system [R4] [L3]', () => {
  const keys = new Keyring({ encryptionKey: newKey(), decryptionKeys: [vectors.keyB64] });

  it.each(vectors.open)('are read and rewritten: $name', async ({ data, plaintextB64 }) => {
    const { vault, store } = memoryVault({ keys });
    const ref = { tenantId: 'default', provider: 'custom' };
    await store.put({ ...ref, data, note: 'mine', metadata: { origin: 'py' } }, null);

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

  it('hold a field that is not set as false, too, as the old settings do [L7]', async () => {
    const { vault, store, key } = memoryVault();
    const data = seal('{"accountSid":"a","authToken":false,"port":0}', key);
    await store.put({ tenantId: 'a', provider: 'custom', data }, null);
    expect((await vault.require('a', 'custom')).reveal()).toEqual({ accountSid: 'a', port: '0' });
  });

  it.each([1.5, -1, '1', Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, null])(
    'have revision 0 where %s is stored for it, and can be written [R6]',
    async (rev) => {
      const { vault, store, key } = memoryVault();
      const ref = { tenantId: 'a', provider: 'custom' };
      const metadata = { rev } as never;
      await store.put({ ...ref, data: seal('{"a":"1"}', key), metadata }, null);
      expect((await vault.require('a', 'custom')).meta.rev).toBe(0);
      expect((await vault.patch('a', 'custom', { b: '2' })).rev).toBe(1);
      expect((await vault.require('a', 'custom')).reveal()).toEqual({ a: '1', b: '2' });
    },
  );

  it.each(['[]', '"text"', '1', 'null', 'no json', '', '{"a":{"b":1}}', '{"a":[]}'])(
    'are refused when they hold %s',
    async (text) => {
      const { vault, store, key } = memoryVault();
      await store.put({ tenantId: 'a', provider: 'custom', data: seal(text, key) }, null);
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
      etag(record),
    );
    const reader = new SecretsVault({ store, keys: ring });
    await expect(reader.get('a', 'custom')).rejects.toThrow(code('ERR_DECRYPTION_FAILED'));
    await store.put(record, etag(record));
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

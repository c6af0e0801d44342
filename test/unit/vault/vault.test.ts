import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { type KeyProvider, Keyring, type SecretRecord, SecretsVault, seal } from 'provider-vault';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { bareOpen } from '../../support/bare-reader.ts';
import { accountSid, auditEvents, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
import { countingStore } from '../../support/spy-store.ts';

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
    const { etag: ifMatch } = await vault.put('acme', 'custom', { a: '1' });
    await vault.put('acme', 'custom', { a: '2' });
    for (const stale of [ifMatch, null, '']) {
      await expect(vault.delete('acme', 'custom', { ifMatch: stale })).rejects.toThrow(
        code('ERR_CONFLICT'),
      );
    }
    expect(await vault.delete('acme', 'custom')).toBe(true);
    expect(await vault.delete('acme', 'custom')).toBe(false);
    expect(await vault.delete('acme', 'custom', { ifMatch: null })).toBe(false);
    await expect(vault.delete('acme', 'custom', { ifMatch })).rejects.toThrow(code('ERR_CONFLICT'));
    expect(await vault.get('acme', 'custom')).toBeUndefined();
  });

  it('list tells of records without opening them', async () => {
    const now = new Date('2020-01-02T03:04:05Z');
    const { vault, keys } = memoryVault({ now: () => now });
    await vault.put('acme', 'twilio', credentials);
    await vault.put('acme', 'custom', { a: '1' });
    await vault.put('other', 'custom', { a: '1' });
    const etag = expect.stringMatching(/^[A-Za-z0-9+/]{16}$/);
    const common = { tenantId: 'acme', rev: 1, etag, keyId: keys.encryptionKeyId };
    expect(await vault.list('acme')).toEqual([
      { ...common, provider: 'custom', createdAt: now, updatedAt: now },
      { ...common, provider: 'twilio', createdAt: now, updatedAt: now },
    ]);
  });

  it('shows nobody the records of this library itself [R8]', async () => {
    const { vault, store } = memoryVault();
    await vault.put('acme', 'custom', { a: '1' });
    const record = await store.get({ tenantId: 'acme', provider: 'custom' });
    await store.put({ ...record, provider: '$lease:x' } as SecretRecord, null);
    expect((await vault.list('acme')).map(({ provider }) => provider)).toEqual(['custom']);
    const all = await vault.status('acme', undefined, { env: {} });
    expect(all.map(({ provider }) => provider)).not.toContain('$lease:x');
    expect((await vault.getAllSecrets('acme')).reveal()).toEqual({ a: '1' });
  });

  it('getMany asks the store once, and answers in order', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    for (const tenant of ['a', 'b', 'c']) await vault.put(tenant, 'custom', { of: tenant });
    const refs = ['c', 'none', 'a'].map((tenantId) => ({ tenantId, provider: 'custom' }));
    const found = await vault.getMany(refs);
    expect(found.map(({ credentials }) => credentials?.reveal().of)).toEqual(['c', undefined, 'a']);
    expect(calls.getMany).toBe(1);
    expect(calls.get).toBe(3); // of the puts
  });

  it.each(['at once', 'later'])(
    'getMany gives the error of a record that does not open in its place, %s',
    async (when) => {
      const { vault, store, keys } = memoryVault();
      for (const tenant of ['a', 'b']) await vault.put(tenant, 'custom', { of: tenant });
      const record = await store.get({ tenantId: 'a', provider: 'custom' });
      const data = Buffer.alloc(40, 7).toString('base64');
      await store.put({ ...record, data } as SecretRecord, record?.data.slice(0, 16) ?? '');
      const slow: KeyProvider = {
        encryptionKey: () => keys.encryptionKey(),
        decryptionKey: async (keyId) => keys.decryptionKey(keyId),
      };
      const reader = new SecretsVault({ store, keys: when === 'later' ? slow : keys });
      const refs = ['a', 'b'].map((tenantId) => ({ tenantId, provider: 'custom' }));
      const events = await auditEvents(async () => {
        const [broken, good] = await reader.getMany(refs);
        expect(broken).toEqual({ error: code('ERR_DECRYPTION_FAILED') });
        expect(good?.credentials?.reveal()).toEqual({ of: 'b' });
      });
      expect(events.map(({ tenantId, outcome }) => [tenantId, outcome]).sort()).toEqual([
        ['a', 'refused'],
        ['b', 'ok'],
      ]);
    },
  );

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
  it('tries a write that names its record once: another record does not go away', async () => {
    const { store, calls } = countingStore();
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await vault.put('acme', 'custom', { a: '1' }, { ifMatch: null });
    await expect(vault.put('acme', 'custom', { a: '2' }, { ifMatch: null })).rejects.toThrow(
      code('ERR_CONFLICT'),
    );
    expect(calls).toEqual({ put: 2 });
  });

  it('refuses a write over another record than the one named', async () => {
    const { vault } = memoryVault();
    const first = await vault.put('acme', 'custom', { a: '1' }, { ifMatch: null });
    const elsewhere = await vault.put('acme', 'other', { a: '1' });
    for (const ifMatch of [null, '', elsewhere.etag, first.etag.slice(1), `${first.etag}A`]) {
      for (const write of ['put', 'patch', 'applyForm'] as const) {
        await expect(vault[write]('acme', 'custom', { a: '2' }, { ifMatch })).rejects.toThrow(
          code('ERR_CONFLICT'),
        );
      }
    }
    const second = await vault.put('acme', 'custom', { a: '2' }, { ifMatch: first.etag });
    const third = await vault.patch('acme', 'custom', { a: '3' }, { ifMatch: second.etag });
    expect([second.rev, third.rev]).toEqual([2, 3]);
    expect(new Set([first.etag, second.etag, third.etag]).size).toBe(3);
  });

  it('does not save a stale page over a record that was deleted and made anew', async () => {
    const { vault } = memoryVault();
    const old = { accountSid: accountSid(1), authToken: authToken(1) };
    const shown = await vault.put('acme', 'twilio', old);
    await vault.delete('acme', 'twilio');
    const anew = await vault.put('acme', 'twilio', { ...old, accountSid: accountSid(2) });
    expect(anew.rev).toBe(shown.rev);
    for (const ifMatch of [shown.etag, null]) {
      const save = vault.applyForm('acme', 'twilio', { authToken: authToken(3) }, { ifMatch });
      await expect(save).rejects.toThrow(code('ERR_CONFLICT'));
    }
    expect((await vault.require('acme', 'twilio')).authToken).toBe(authToken(1));
  });

  it('names a record of the old system by its etag, and one without an etag by ""', async () => {
    const { vault, store, key } = memoryVault();
    const ref = { tenantId: 'acme', provider: 'custom' };
    const data = seal(JSON.stringify({ a: 'old' }), key);
    await store.put({ ...ref, data }, null);
    await expect(vault.put('acme', 'custom', { a: '1' }, { ifMatch: null })).rejects.toThrow(
      code('ERR_CONFLICT'),
    );
    expect((await vault.get('acme', 'custom'))?.meta).toMatchObject({
      rev: 0,
      etag: data.slice(0, 16),
    });
    const { etag } = await vault.put('acme', 'custom', { a: '1' }, { ifMatch: data.slice(0, 16) });
    await store.put({ ...ref, data: 'damaged' }, etag);
    expect((await vault.put('acme', 'custom', { a: '2' }, { ifMatch: '' })).rev).toBe(1);
  });

  it('writes nothing when a patch changes nothing', async () => {
    const { vault } = memoryVault();
    expect(await vault.patch('acme', 'custom', { a: null })).toMatchObject({ rev: 0 });
    expect(await vault.list('acme')).toEqual([]);
    const written = await vault.put('acme', 'custom', { a: '1' });
    for (const changes of [{}, { a: '1' }, { b: null }, { a: undefined }]) {
      expect(await vault.patch('acme', 'custom', changes)).toEqual(written);
    }
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

  it('gives up a write that always loses, after 64 times', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0); // the length of its pauses
    onTestFinished(() => void vi.restoreAllMocks());
    const { vault, store } = memoryVault();
    let puts = 0;
    store.put = async () => {
      puts++;
      return false;
    };
    await expect(vault.put('acme', 'custom', { a: '1' })).rejects.toThrow(code('ERR_CONFLICT'));
    expect(puts).toBe(64);
  });

  it('writes no more members than it has something to say in', async () => {
    const { vault, store, keys } = memoryVault();
    await vault.put('acme', 'custom', { a: '1' });
    const stored = await store.get({ tenantId: 'acme', provider: 'custom' });
    expect(stored).toStrictEqual({
      tenantId: 'acme',
      provider: 'custom',
      data: expect.any(String),
      metadata: {
        rev: 1,
        keyId: keys.encryptionKeyId,
        createdAt: expect.any(Date),
        updatedAt: expect.any(Date),
      },
    });
  });

  it('patches nothing where there is nothing, if there must be nothing', async () => {
    const { vault } = memoryVault();
    const options = { ifMatch: null };
    expect(await vault.patch('acme', 'custom', { a: null }, options)).toStrictEqual({
      tenantId: 'acme',
      provider: 'custom',
      rev: 0,
      etag: '',
      keyId: undefined,
      createdAt: undefined,
      updatedAt: undefined,
    });
    expect(await vault.list('acme')).toEqual([]);
    await vault.put('acme', 'custom', { a: '1' });
    await expect(vault.patch('acme', 'custom', { b: null }, options)).rejects.toThrow(
      code('ERR_CONFLICT'),
    );
  });

  it('stops when told to', async () => {
    const { vault } = memoryVault();
    const signal = AbortSignal.abort('left');
    const aborted = { code: 'ERR_ABORTED', cause: 'left' };
    await expect(vault.put('acme', 'custom', {}, { signal })).rejects.toMatchObject(aborted);
    expect(await vault.get('acme', 'custom')).toBeUndefined();
    const { store, calls } = countingStore();
    const asking = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    await expect(asking.get('acme', 'custom', { signal })).rejects.toMatchObject(aborted);
    expect(calls).toEqual({}); // it did not even ask
  });

  it.each(['put', 'delete'] as const)('does not %s what was aborted in time', async (method) => {
    const controller = new AbortController();
    const { signal } = controller;
    const { store, calls } = countingStore();
    const vault = new SecretsVault({
      store,
      keys: new Keyring({ encryptionKey: newKey() }),
      audit: { sink: { write: async () => controller.abort() }, mode: 'strict' },
    });
    const writing =
      method === 'put'
        ? vault.put('acme', 'custom', { a: '1' }, { signal })
        : vault.delete('acme', 'custom', { signal });
    await expect(writing).rejects.toThrow(code('ERR_ABORTED'));
    await new Promise(setImmediate);
    expect(calls[method]).toBeUndefined();
  });

  it('leaves no listener at the signal', async () => {
    const { vault } = memoryVault();
    const { signal } = new AbortController();
    await vault.put('acme', 'custom', { a: '1' }, { signal });
    await vault.list('acme', { signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('stops at once when the store hangs', async () => {
    const hang = () => new Promise<never>(() => {});
    const { store: inner, keys } = memoryVault();
    const store = new Proxy(inner, { get: () => hang });
    const vault = new SecretsVault({ store, keys });
    const calls: ((options: { signal: AbortSignal }) => Promise<unknown>)[] = [
      (options) => vault.get('a', 'custom', options),
      (options) => vault.getMany([{ tenantId: 'a', provider: 'custom' }], options),
      (options) => vault.put('a', 'custom', {}, options),
      (options) => vault.delete('a', 'custom', options),
      (options) => vault.list('a', options),
      (options) => vault.status('a', undefined, options),
      (options) => vault.getAllSecrets('a', options),
    ];
    for (const call of calls) {
      const controller = new AbortController();
      const calling = call({ signal: controller.signal });
      setTimeout(() => controller.abort(new Error('the caller has left')), 5);
      await expect(calling).rejects.toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
    }
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

  it('overwrites a record whose history is damaged', async () => {
    const { vault, store } = memoryVault();
    const { etag } = await vault.put('acme', 'custom', { a: '1' });
    const record = await store.get({ tenantId: 'acme', provider: 'custom' });
    const history = [{ rev: 0 }];
    expect(await store.put({ ...record, history } as never, etag)).toBe(true);
    expect((await vault.put('acme', 'custom', { a: '2' })).rev).toBe(2);
  });
});

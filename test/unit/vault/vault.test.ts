import fc from 'fast-check';
import { Keyring, type SecretRecord, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { bareOpen } from '../../support/bare-reader.ts';
import { accountSid, authToken, memoryVault, newKey } from '../../support/fixtures.ts';
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

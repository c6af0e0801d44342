import { MemorySecretStore, SecretsVault } from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { cached, keys, TTL, untold } from '../../support/cached-vault.ts';

describe('the cache of a vault', () => {
  it('is off by default: each read asks the store', async () => {
    const faulty = new FaultyStore(new MemorySecretStore());
    const vault = new SecretsVault({ store: faulty.store, keys });
    await vault.put('a', 'custom', { v: '1' });
    faulty.calls.length = 0;
    await Promise.all(Array.from({ length: 10 }, () => vault.get('a', 'custom')));
    expect(faulty.calls).toEqual(Array.from({ length: 10 }, () => 'get'));
  });

  it('asks the store once for a thousand reads at once', async () => {
    const { vault, calls, faulty } = await cached();
    await vault.put('a', 'custom', { v: '1' });
    faulty.calls.length = 0;
    const all = await Promise.all(Array.from({ length: 1000 }, () => vault.get('a', 'custom')));
    expect(new Set(all.map((found) => found?.reveal().v))).toEqual(new Set(['1']));
    expect(calls()).toBe(1);
    expect(new Set(all).size).toBe(1000); // nobody holds what another may change
  });

  it('asks it once for reads one after the other, of a store that is watched', async () => {
    const { vault, value, calls, faulty } = await cached();
    await vault.put('a', 'custom', { v: '1' });
    faulty.calls.length = 0;
    for (let n = 0; n < 3; n++) expect(await value()).toBe('1');
    expect(calls()).toBe(1);
  });

  it('serves no longer than its TTL', async () => {
    const store = untold();
    const { vault, value, clock } = await cached({ store });
    await vault.put('a', 'custom', { v: '1' });
    expect(await value()).toBe('1');
    await new SecretsVault({ store, keys }).put('a', 'custom', { v: '2' });
    clock.ms = TTL;
    expect(await value()).toBe('1');
    clock.ms = TTL + 1;
    expect(await value()).toBe('2');
  });

  it('counts the TTL from when the store was asked', async () => {
    const { vault, value, clock, faulty, calls } = await cached();
    await vault.put('a', 'custom', { v: '1' });
    faulty.fail('get', { delayMs: 20 });
    const reading = value();
    clock.ms = TTL + 1; // the answer is on its way for longer than that
    expect(await reading).toBe('1');
    faulty.calls.length = 0;
    await value();
    expect(calls()).toBe(1);
  });

  it('never serves beyond it when the store fails', async () => {
    const { vault, value, clock, faulty } = await cached();
    await vault.put('a', 'custom', { v: '1' });
    expect(await value()).toBe('1');
    clock.ms = TTL + 1;
    faulty.fail('get', 'before');
    await expect(value()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    expect(await value()).toBe('1');
  });

  it('does not remember that there is nothing', async () => {
    const store = untold();
    const { value } = await cached({ store });
    expect(await value()).toBeUndefined();
    await new SecretsVault({ store, keys }).put('a', 'custom', { v: '1' });
    expect(await value()).toBe('1');
  });

  it('holds no more than max', async () => {
    const { vault, value, calls, faulty } = await cached({ max: 2 });
    for (const tenant of ['a', 'b', 'c']) {
      await vault.put(tenant, 'custom', { v: tenant });
      await value(tenant);
    }
    faulty.calls.length = 0;
    for (const tenant of ['c', 'b', 'a']) expect(await value(tenant)).toBe(tenant);
    expect(calls()).toBe(1);
  });

  it('serves getMany too, in one call for the rest', async () => {
    const { vault, value, faulty } = await cached();
    for (const tenant of ['a', 'b', 'c']) await vault.put(tenant, 'custom', { v: tenant });
    await value('a');
    faulty.calls.length = 0;
    const refs = ['a', 'b', 'c', 'b', 'none'].map((tenantId) => ({ tenantId, provider: 'custom' }));
    const values = async () =>
      (await vault.getMany(refs)).map(({ credentials }) => credentials?.reveal().v);
    expect(await values()).toEqual(['a', 'b', 'c', 'b', undefined]);
    expect(faulty.calls).toEqual(['getMany']);
    await value('c');
    expect(faulty.calls).toEqual(['getMany']);
  });

  it.each([
    { ttlMs: 0 },
    { ttlMs: -1 },
    { ttlMs: 1.5 },
    { ttlMs: '5' },
    { max: 5 },
    { ttlMs: 5, max: 0 },
  ])('refuses %j', (cache) => {
    const options = { store: new MemorySecretStore(), keys, cache } as never;
    expect(() => new SecretsVault(options)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
  });
});

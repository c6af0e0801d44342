import { type Credentials, MemorySecretStore, SecretsVault } from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { AsyncCache } from '../../../src/core/async-cache.ts';
import { cached, keys, TTL, untold } from '../../support/cached-vault.ts';
import { auditEvents, memoryVault } from '../../support/fixtures.ts';

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
    let all: (Credentials | undefined)[] = [];
    const events = await auditEvents(async () => {
      all = await Promise.all(Array.from({ length: 1000 }, () => vault.get('a', 'custom')));
    });
    expect(new Set(events.map(({ source }) => source))).toEqual(new Set(['vault']));
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

  it('asks for each record once, and for no other', async () => {
    const store = new MemorySecretStore();
    const { vault } = await cached({ store });
    const getMany = vi.spyOn(store, 'getMany');
    const refs = ['a', 'b'].map((tenantId) => ({ tenantId, provider: 'custom' }));
    await vault.getMany([...refs, ...refs]);
    expect(getMany.mock.calls.map(([asked]) => asked)).toEqual([refs]);
  });

  it('may be dropped where there is none', async () => {
    const { vault } = memoryVault();
    await vault.put('a', 'custom', { v: '1' });
    vault.invalidate();
    vault.invalidate('a');
    vault.invalidate('a', 'custom');
    await vault.close();
    expect((await vault.get('a', 'custom'))?.reveal()).toEqual({ v: '1' });
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

describe('AsyncCache', () => {
  /** A value that is loaded when `answer` is called. */
  function loading(value: object) {
    let answer = () => {};
    const load = () =>
      new Promise<object>((resolve) => {
        answer = () => resolve(value);
      });
    return { load, answer: () => answer() };
  }

  it('keeps a value for its time by the clock of the machine, and then forgets it', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const cache = new AsyncCache<object>({ max: 5, ttlMs: TTL });
    const [a, b] = [{}, {}];
    await cache.get('a', async () => a);
    vi.advanceTimersByTime(TTL / 2);
    await cache.get('b', async () => b);
    vi.advanceTimersByTime(TTL / 2);
    expect(cache.kept('a')).toBe(a);
    vi.advanceTimersByTime(1);
    expect(cache.kept('a')).toBeUndefined();
    expect(cache.kept('b')).toBe(b);
    await cache.get('c', async () => a);
    vi.advanceTimersByTime(2 * TTL);
    expect(vi.getTimerCount()).toBe(0); // nothing is left that a timer would have to forget
    expect(cache.kept('c')).toBeUndefined();
    await cache.get('d', async () => a);
    expect(vi.getTimerCount()).toBe(1);
  });

  it('waits no longer than a timer can, and not at all for what does not age', async () => {
    const timer = vi.spyOn(globalThis, 'setTimeout');
    onTestFinished(() => timer.mockRestore());
    await new AsyncCache<object>({ max: 5 }).get('a', async () => ({}));
    expect(timer).not.toHaveBeenCalled();
    await new AsyncCache<object>({ max: 5, ttlMs: 2 ** 40 }).get('a', async () => ({}));
    expect(timer.mock.calls.map(([, ms]) => ms)).toEqual([2 ** 31 - 1]);
  });

  it('serves nothing from the future of a clock that was set back', async () => {
    const clock = { ms: 5 };
    const cache = new AsyncCache<object>({ max: 5, ttlMs: TTL, now: () => clock.ms });
    await cache.get('a', async () => ({}));
    clock.ms = 4;
    expect(cache.kept('a')).toBeUndefined();
  });

  it('shares the newest load of a key, and keeps nothing of one that was dropped', async () => {
    const cache = new AsyncCache<object>({ max: 5 });
    const [old, fresh] = [loading({ of: 'old' }), loading({ of: 'fresh' })];
    const first = cache.get('a', old.load);
    cache.delete('a');
    const second = cache.get('a', fresh.load);
    old.answer();
    expect(await first).toEqual({ of: 'old' });
    expect(cache.kept('a')).toBeUndefined();
    const third = cache.get('a', async () => ({ of: 'third' }));
    fresh.answer();
    expect(await second).toEqual({ of: 'fresh' });
    expect(await third).toBe(await second);
    expect(await cache.get('a', async () => ({ of: 'fourth' }))).toBe(await second);
  });
});

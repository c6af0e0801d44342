import { MemorySecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cached, keys, untold } from '../../support/cached-vault.ts';

describe('the cache is dropped', () => {
  it.each<[string, (vault: SecretsVault) => Promise<unknown>, string | undefined]>([
    ['put', (vault) => vault.put('a', 'custom', { v: '9' }), '9'],
    [
      'put over a known record',
      async (vault) => {
        const { meta } = await vault.require('a', 'custom');
        await vault.put('a', 'custom', { v: '9' }, { ifMatch: meta.etag });
      },
      '9',
    ],
    ['purgeHistory', (vault) => vault.purgeHistory('a', 'custom'), '2'],
    ['patch', (vault) => vault.patch('a', 'custom', { v: '9' }), '9'],
    ['setSecret', (vault) => vault.setSecret('a', 'v', '9'), '9'],
    ['deleteSecret', (vault) => vault.deleteSecret('a', 'v'), undefined],
    ['applyForm', (vault) => vault.applyForm('a', 'custom', { v: '9' }), '9'],
    ['rollback', (vault) => vault.rollback('a', 'custom', 1), '1'],
    ['delete', (vault) => vault.delete('a', 'custom'), undefined],
  ])('by %s', async (_name, change, expected) => {
    const { vault, value } = await cached({ store: untold() });
    await vault.put('a', 'custom', { v: '1' });
    await vault.put('a', 'custom', { v: '2' });
    expect(await value()).toBe('2');
    await change(vault);
    expect(await value()).toBe(expected);
  });

  it('by a write that was done, and said that it failed', async () => {
    const { vault, value, faulty } = await cached({ store: untold() });
    await vault.put('a', 'custom', { v: '1' });
    await value();
    faulty.fail('put', 'after');
    await expect(vault.put('a', 'custom', { v: '2' })).rejects.toThrow();
    expect(await value()).toBe('2');
  });

  it('and a read that began before a write ended brings nothing old back', async () => {
    const { vault, value, faulty } = await cached({ store: untold() });
    await vault.put('a', 'custom', { v: '1' });
    const store = faulty.store;
    let goOn = () => {};
    const slow = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const get = store.get.bind(store);
    let found = () => {};
    const asked = new Promise<void>((resolve) => {
      found = resolve;
    });
    Object.defineProperty(store, 'get', {
      configurable: true,
      value: async (ref: { tenantId: string; provider: string }) => {
        const record = await get(ref);
        found();
        await slow;
        return record;
      },
    });
    const early = value();
    await asked;
    Object.defineProperty(store, 'get', { configurable: true, value: get });
    await vault.put('a', 'custom', { v: '2' });
    goOn();
    expect(await early).toBe('1'); // it asked before
    expect(await value()).toBe('2');
  });

  it('by invalidate: of a record, of a tenant, of all', async () => {
    const { vault, value, faulty, calls } = await cached();
    for (const tenant of ['a', 'b']) await vault.put(tenant, 'custom', { v: tenant });
    const readsAfter = async (invalidate: () => void) => {
      await Promise.all(['a', 'b'].map(value));
      invalidate();
      faulty.calls.length = 0;
      await Promise.all(['a', 'b'].map(value));
      return calls();
    };
    expect(await readsAfter(() => {})).toBe(0);
    expect(await readsAfter(() => vault.invalidate('a', 'custom'))).toBe(1);
    expect(await readsAfter(() => vault.invalidate('a', 'twilio'))).toBe(0);
    expect(await readsAfter(() => vault.invalidate('a'))).toBe(1);
    expect(await readsAfter(() => vault.tenant('b').invalidate())).toBe(1);
    expect(await readsAfter(() => vault.invalidate())).toBe(2);
  });

  it('by news of the store, until the vault is closed', async () => {
    const store = new MemorySecretStore();
    const { vault, value, calls, faulty } = await cached({ store });
    const other = new SecretsVault({ store, keys });
    await other.put('a', 'custom', { v: '1' });
    await value();
    await value(); // the watch stands now
    await other.put('a', 'custom', { v: '2' });
    expect(await value()).toBe('2');
    await other.delete('a', 'custom');
    expect(await value()).toBeUndefined();

    await other.put('a', 'custom', { v: '3' });
    await value();
    await vault.close();
    faulty.calls.length = 0;
    expect(await value()).toBe('3');
    expect(await value()).toBe('3');
    expect(calls()).toBe(2); // nobody tells of changes any more
    await vault.close();
  });

  it('and bypassed while the store is known to miss changes', async () => {
    const store = new MemorySecretStore();
    let gap: (restored?: Promise<void>) => void = () => {};
    Object.defineProperty(store, 'watch', {
      configurable: true,
      value: async (_listener: unknown, onGap: typeof gap) => {
        gap = onGap;
        return async () => {};
      },
    });
    const { vault, value, calls, faulty } = await cached({ store });
    const elsewhere = new SecretsVault({ store, keys });
    await vault.put('a', 'custom', { v: '1' });
    await value();
    let restore = () => {};
    gap(
      new Promise((restored) => {
        restore = restored;
      }),
    );
    for (const v of ['2', '3', '4']) {
      await elsewhere.put('a', 'custom', { v }); // nobody reports it
      expect(await value()).toBe(v);
    }
    restore();
    await new Promise(setImmediate);
    faulty.calls.length = 0;
    for (let n = 0; n < 3; n++) expect(await value()).toBe('4');
    expect(calls()).toBe(1);
    // A gap that is over does not end one that began later.
    let [restoreFirst, restoreSecond] = [() => {}, () => {}];
    gap(
      new Promise((restored) => {
        restoreFirst = restored;
      }),
    );
    gap(
      new Promise((restored) => {
        restoreSecond = restored;
      }),
    );
    restoreFirst();
    await new Promise(setImmediate);
    await elsewhere.put('a', 'custom', { v: '4a' });
    expect(await value()).toBe('4a');
    await elsewhere.put('a', 'custom', { v: '4b' });
    expect(await value()).toBe('4b');
    restoreSecond();
    await new Promise(setImmediate);
    expect(await value()).toBe('4b');
    // One that is over at once.
    await elsewhere.put('a', 'custom', { v: '4c' });
    expect(await value()).toBe('4b');
    gap();
    expect(await value()).toBe('4c');
    gap(Promise.reject(new Error('the store listens no more')));
    for (const v of ['5', '6']) {
      await elsewhere.put('a', 'custom', { v });
      expect(await value()).toBe(v);
    }
    await vault.close();
  });

  it('and reads go on where the store cannot be watched', async () => {
    const store = new MemorySecretStore();
    let asked = 0;
    Object.defineProperty(store, 'watch', {
      configurable: true,
      value: async () => {
        asked++;
        throw new Error('no change streams');
      },
    });
    const { vault, value } = await cached({ store });
    await vault.put('a', 'custom', { v: '1' });
    for (let n = 0; n < 5; n++) {
      vault.invalidate();
      expect(await value()).toBe('1');
    }
    expect(asked).toBe(1);
    const now = vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_001);
    onTestFinished(() => now.mockRestore());
    vault.invalidate();
    expect(await value()).toBe('1');
    expect(asked).toBe(2); // once a minute
    await vault.close();
  });

  it('and reads go on where the watch does not answer', async () => {
    const store = new MemorySecretStore();
    let answer: (stop: () => Promise<void>) => void = () => {};
    const watch = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    Object.defineProperty(store, 'watch', { configurable: true, value: watch });
    const { vault, value } = await cached({ store });
    await vault.put('a', 'custom', { v: '1' });
    expect(await value()).toBe('1');
    await new SecretsVault({ store, keys }).put('a', 'custom', { v: '2' });
    expect(await value()).toBe('1');
    let stopped = 0;
    answer(async () => {
      stopped++;
    });
    await new Promise(setImmediate);
    expect(await value()).toBe('2'); // what was read before it answered may be old
    await vault.close();
    expect(stopped).toBe(1);
  });
});

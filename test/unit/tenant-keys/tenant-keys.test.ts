import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  type KeyEntry,
  Keyring,
  type KeyStore,
  MemoryKeyStore,
  SecretsVault,
  TenantKeys,
  type TenantKeysOptions,
} from 'provider-vault';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { bareOpen } from '../../support/bare-reader.ts';
import { newKey, rejection } from '../../support/fixtures.ts';
import { entryOf, fakeClock, tenantVault, watchedKeyStore } from '../../support/tenant-keys.ts';
import { TestKms } from '../../support/test-wrapper.ts';

const REF = { tenantId: 'acme', provider: 'custom' };

afterEach(() => {
  vi.useRealTimers();
});

describe('a data key', () => {
  it('is made by the first write of a tenant, not by a look', async () => {
    const { vault, keys, keyStore, kms } = tenantVault();
    expect(await vault.get('acme', 'custom')).toBeUndefined();
    expect(await vault.status('acme', 'custom')).toMatchObject({ state: 'missing' });
    expect(await keys.currentKey(REF)).toBeUndefined();
    expect(await keyStore.get('acme')).toBeUndefined();
    expect(kms.total).toBe(0);

    const { keyId } = await vault.put('acme', 'custom', { token: 'one' });
    expect(keyId).toMatch(/^t1-[0-9a-f]{8}$/);
    expect(await entryOf(keyStore)).toEqual({
      tenantId: 'acme',
      etag: expect.stringMatching(/^[A-Za-z0-9+/]{16}$/),
      current: 1,
      keys: [
        {
          number: 1,
          keyId,
          wrapper: 'test-kms',
          wrapped: expect.any(String),
          createdAt: expect.any(Date),
        },
      ],
    });
    expect((await vault.put('acme', 'other', { token: 'two' })).keyId).toBe(keyId);
    expect((await keys.currentKey(REF))?.id).toBe(keyId);
    expect(kms.calls).toEqual({ wrap: 1, unwrap: 0 });
  });

  it('is bound to its tenant and number by HKDF, and opens data for a bare reader [K6] [R1]', async () => {
    const { vault, keyStore, store, kms } = tenantVault();
    await vault.put('acme', 'custom', { token: 'of acme' });
    const { keys } = await entryOf(keyStore);
    const wrapped = Buffer.from(keys[0]?.wrapped as string, 'base64');
    const bytes = await kms.unwrap(wrapped, { tenantId: 'acme' });
    // HKDF-SHA-256 (RFC 5869) by hand: extract with an empty salt, expand to one block.
    const extracted = createHmac('sha256', Buffer.alloc(32)).update(bytes).digest();
    const derived = createHmac('sha256', extracted)
      .update('provider-vault/tenant-key\nacme\n1\u0001')
      .digest('base64');
    const data = (await store.get(REF))?.data as string;
    expect(bareOpen(data, derived)).toMatchObject({ token: 'of acme' });
    const { encryptionKeyId } = new Keyring({ encryptionKey: derived });
    expect(keys[0]?.keyId).toBe(`t1-${encryptionKeyId}`);
  });

  it('opens nothing for another tenant to whom it was moved', async () => {
    const { vault, keyStore, open, store } = tenantVault();
    await vault.put('acme', 'custom', { token: 'of acme' });
    await vault.put('evil', 'custom', { token: 'of evil' });
    const [acme, evil] = [await entryOf(keyStore), await entryOf(keyStore, 'evil')];
    await keyStore.put({ ...evil, keys: acme.keys }, evil.etag);
    const record = await store.get(REF);
    await store.delete({ ...REF, tenantId: 'evil' });
    await store.put({ ...(record as NonNullable<typeof record>), tenantId: 'evil' }, null);
    const cold = open().vault;
    await expect(cold.get('evil', 'custom')).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' });
    await expect(cold.put('evil', 'custom', { a: 'b' })).rejects.toMatchObject({
      code: 'ERR_KEY_INVALID',
    });
    expect((await cold.require('acme', 'custom')).token).toBe('of acme');
  });

  it('is one for 50 first writes at once, in one process and in many', async () => {
    const { open, kms, keyStore } = tenantVault();
    kms.delayMs = 5;
    const { vault } = open();
    const providers = Array.from({ length: 50 }, (_, n) => `p${n}`);
    await Promise.all(providers.map((provider) => vault.put('acme', provider, { of: provider })));
    expect(kms.total).toBe(1);

    const vaults = Array.from({ length: 20 }, () => open().vault);
    const infos = await Promise.all(
      vaults.map((one, n) => one.put('late', `p${n}`, { n: `${n}` })),
    );
    expect(new Set(infos.map(({ keyId }) => keyId)).size).toBe(1);
    expect((await entryOf(keyStore, 'late')).keys).toHaveLength(1);
    const cold = open().vault;
    for (let n = 0; n < 20; n++) expect((await cold.require('late', `p${n}`)).n).toBe(`${n}`);
  });

  it('is unwrapped once for any number of callers, and answers without a promise then', async () => {
    const { open, vault, kms } = tenantVault();
    const { keyId } = await vault.put('acme', 'custom', { token: 'one' });
    const cold = open();
    await Promise.all(Array.from({ length: 8 }, () => cold.vault.get('acme', 'custom')));
    expect(kms.calls).toEqual({ wrap: 1, unwrap: 1 });
    expect(cold.keys.decryptionKey(keyId, REF)).toEqual([{ id: keyId, key: expect.anything() }]);
    expect(cold.keys.encryptionKey(REF)).toMatchObject({ id: keyId });
    expect(inspect(cold.keys, { depth: 9, showHidden: true })).not.toMatch(/wrapped|Buffer/);
  });

  it('goes out of memory at the end of its time, and when there are too many', async () => {
    const { open, vault, kms } = tenantVault();
    for (const tenant of ['a', 'b', 'c']) await vault.put(tenant, 'custom', { of: tenant });
    const small = open({ cache: { max: 2 } }).vault;
    for (const tenant of ['a', 'b', 'c', 'b', 'c']) await small.require(tenant, 'custom');
    expect(kms.calls.unwrap).toBe(3);
    await small.require('a', 'custom');
    expect(kms.calls.unwrap).toBe(4);
    const { vault: one } = open();
    const passTime = fakeClock();
    for (const ms of [0, 299_000, 2_000]) {
      passTime(ms);
      await one.require('a', 'custom');
    }
    expect(kms.calls.unwrap).toBe(6);
  });

  it('goes out of memory also when nobody asks for it any more', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const { keys } = tenantVault({ cache: { ttlMs: 50 } });
    const key = await (async () => new WeakRef((await keys.encryptionKey(REF)).key))();
    // A failed expectation would hold the key.
    let isGone = false;
    for (let n = 0; n < 50 && !isGone; n++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      collectGarbage();
      isGone = key.deref() === undefined;
    }
    expect(isGone).toBe(true);
    expect(await keys.encryptionKey(REF)).toBeDefined();
  });
});

describe('moving in and out', () => {
  it('opens what the keyring sealed, and seals with either', async () => {
    const keyring = new Keyring({ encryptionKey: newKey() });
    const { store, open, kms } = tenantVault({ keyring });
    const before = new SecretsVault({ store, keys: keyring });
    await before.put('acme', 'custom', { token: 'one' });

    const first = open({ seal: 'keyring' });
    expect(first.keys.keyIds).toEqual(keyring.keyIds);
    expect((await first.vault.require('acme', 'custom')).token).toBe('one');
    expect((await first.vault.patch('acme', 'custom', { more: 'a' })).keyId).toBe(
      keyring.encryptionKeyId,
    );
    expect(kms.total).toBe(0);

    const second = open();
    expect(second.keys.keyIds).toBeUndefined();
    const moved = await second.vault.patch('acme', 'custom', { more: 'b' });
    expect(moved.keyId).toMatch(/^t1-/);
    expect((await first.vault.require('acme', 'custom')).more).toBe('b');

    const back = await first.vault.patch('acme', 'custom', { more: 'c' });
    expect(back.keyId).toBe(keyring.encryptionKeyId);
    expect((await before.require('acme', 'custom')).more).toBe('c');
  });

  it('opens by a previous wrapper, and names one that is not configured', async () => {
    const { vault, open, kms } = tenantVault();
    await vault.put('acme', 'custom', { token: 'one' });
    const wrapper = new TestKms('new-kms');
    const moved = open({ wrapper, previousWrappers: [kms] });
    expect((await moved.vault.require('acme', 'custom')).token).toBe('one');
    const without = open({ wrapper });
    for (const call of [
      without.vault.get('acme', 'custom'),
      without.vault.put('acme', 'x', { a: 'b' }),
    ]) {
      const error = await rejection(call);
      expect(error).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE' });
      expect(String(error)).toContain('"test-kms"');
    }
  });
});

describe('a failure', () => {
  it('of the KMS leaves warm keys to the end of their time, is not remembered, and takes no other key', async () => {
    const { open, vault, kms, keyStore } = tenantVault();
    await vault.put('acme', 'custom', { token: 'one' });
    const passTime = fakeClock();
    const short = open().vault;
    await short.require('acme', 'custom');
    passTime(299_000);
    kms.state = 'down';
    expect((await short.require('acme', 'custom')).token).toBe('one');
    expect((await short.put('acme', 'warm', { a: 'b' })).keyId).toMatch(/^t1-/);
    passTime(2_000);
    for (let round = 0; round < 2; round++) {
      await expect(short.get('acme', 'custom')).rejects.toMatchObject({
        code: 'ERR_KEY_UNAVAILABLE',
      });
      await expect(short.put('acme', 'x', { a: 'b' })).rejects.toMatchObject({
        code: 'ERR_KEY_UNAVAILABLE',
      });
      await expect(short.put('new', 'x', { a: 'b' })).rejects.toMatchObject({
        code: 'ERR_KEY_UNAVAILABLE',
      });
    }
    expect(await keyStore.get('new')).toBeUndefined();
    kms.state = 'up';
    expect((await short.require('acme', 'custom')).token).toBe('one');
    expect((await short.put('new', 'x', { a: 'b' })).keyId).toMatch(/^t1-/);
  });

  it('of the key store is ERR_KEY_UNAVAILABLE, and quotes nothing of a driver', async () => {
    const { vault, keyStore, open } = tenantVault();
    await vault.put('acme', 'custom', { token: 'one' });
    const { store, set } = watchedKeyStore(keyStore);
    set('down');
    const cold = open({ store }).vault;
    const error = await rejection(cold.get('acme', 'custom'));
    expect(error).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE' });
    expect(inspect(error)).not.toContain('secret text');
    set('up');
    expect((await cold.require('acme', 'custom')).token).toBe('one');
  });

  it('by hanging ends within 10 seconds, and the next call works', async () => {
    const { vault, open, kms, keyStore } = tenantVault();
    await vault.put('acme', 'custom', { token: 'one' });
    const { store, set } = watchedKeyStore(keyStore);
    const [byKms, byStore] = [open().vault, open({ store }).vault];
    kms.state = 'hanging';
    set('hanging');
    const begun = performance.now();
    const calls = [
      byKms.get('acme', 'custom'),
      byStore.get('acme', 'custom'),
      byKms.put('b', 'c', { a: 'b' }),
    ];
    for (const error of await Promise.all(calls.map(rejection))) {
      expect(error).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE' });
    }
    expect(performance.now() - begun).toBeLessThan(10_000);
    kms.state = 'up';
    set('up');
    for (const one of [byKms, byStore]) {
      expect((await one.require('acme', 'custom')).token).toBe('one');
    }
  });

  it('by an answer that comes too late leaves no key in memory', async () => {
    const { vault, keyStore, kms } = tenantVault();
    await vault.put('acme', 'custom', { token: 'one' });
    let answer: (bytes: Uint8Array) => void = () => {};
    const late = new Promise<Uint8Array>((resolve) => {
      answer = resolve;
    });
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const unwrap = async () => {
      asked();
      return late;
    };
    const wrapper = { id: kms.id, wrap: async () => new Uint8Array(1), unwrap };
    const keys = new TenantKeys({ wrapper, store: keyStore });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const failing = rejection(
        Promise.resolve(keys.encryptionKey({ tenantId: 'acme', provider: 'custom' })),
      );
      await isAsked;
      await vi.advanceTimersByTimeAsync(10_000);
      expect(await failing).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE' });
    } finally {
      vi.useRealTimers();
    }
    const bytes = new Uint8Array(32).fill(7);
    answer(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    expect(bytes).toEqual(new Uint8Array(32));
  });

  it('of a wrapper of somebody else quotes nothing of it', async () => {
    const wrapper = {
      id: 'mine',
      wrap: async () => {
        throw new Error('secret bytes');
      },
      unwrap: async () => new Uint8Array(0),
    };
    const { vault } = tenantVault({ wrapper });
    const error = await rejection(vault.put('acme', 'custom', { a: 'b' }));
    expect(error).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE' });
    expect(inspect(error)).not.toContain('secret bytes');
  });
});

describe('a key that the process does not know', () => {
  it('is looked for in the store: another process may have renewed', async () => {
    const { keys, vault, open, kms } = tenantVault();
    const other = open();
    await vault.put('acme', 'custom', { token: 'one' });
    await other.vault.require('acme', 'custom');
    const renewed = await keys.renew('acme');
    expect(renewed).toMatch(/^t2-/);
    expect((await vault.put('acme', 'new', { token: 'two' })).keyId).toBe(renewed);
    // The other one's memory is older: it seals with the old key still, and opens both.
    expect((await other.vault.put('acme', 'old', { token: 'three' })).keyId).toMatch(/^t1-/);
    expect((await other.vault.require('acme', 'new')).token).toBe('two');
    expect((await vault.require('acme', 'old')).token).toBe('three');
    expect(kms.calls.unwrap).toBeLessThanOrEqual(5);
  });

  it('that the store does not have is ERR_KEY_UNKNOWN after one read, also in a flood', async () => {
    const { vault, store, keyStore, open, kms } = tenantVault();
    const { keyId } = await vault.put('acme', 'custom', { token: 'one' });
    const { store: counted, calls } = watchedKeyStore(keyStore);
    const { keys, vault: cold } = open({ store: counted });
    await cold.require('acme', 'custom');
    expect(calls.get).toBe(1);
    const ask = async (id: string) =>
      expect(await rejection(keys.decryptionKey(id, REF) as Promise<unknown>)).toMatchObject({
        code: 'ERR_KEY_UNKNOWN',
      });
    await ask('t7-01234567');
    expect(calls.get).toBe(2);
    await ask('t7-01234567');
    expect(calls.get).toBe(3);
    const ids = Array.from({ length: 200 }, (_, n) => `t${n + 5}-01234567`);
    await Promise.all(ids.map(ask));
    expect(calls.get).toBeLessThanOrEqual(5);
    // and the keys in memory are still there
    expect(keys.decryptionKey(keyId, REF)).toHaveLength(1);
    expect(kms.calls.unwrap).toBe(1);

    const record = (await store.get(REF)) as NonNullable<Awaited<ReturnType<typeof store.get>>>;
    for (const odd of ['t0-01234567', 't1-0123456', 't1-0123456g', '__proto__', 't1', '']) {
      expect(await keys.decryptionKey(odd, REF)).toEqual([]);
    }
    expect(await keys.decryptionKey(undefined, REF)).toEqual([]);
    expect(calls.get).toBeLessThanOrEqual(5);
    expect(record.metadata?.keyId).toBe(keyId);
  });

  it('is unknown where the key store was restored to an older state, and comes back with a newer one', async () => {
    const { keys, vault, open, keyStore } = tenantVault();
    await vault.put('acme', 'custom', { token: 'one' });
    const older = await entryOf(keyStore);
    await keys.renew('acme');
    await vault.put('acme', 'custom', { token: 'two' });
    await vault.put('acme', 'old', { token: 'three' });
    const newer = await entryOf(keyStore);
    await keyStore.put(older, newer.etag);
    const cold = open().vault;
    await expect(cold.get('acme', 'custom')).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' });
    await keyStore.put(newer, older.etag);
    expect((await cold.require('acme', 'custom')).token).toBe('two');
  });
});

describe('an entry', () => {
  const good = {
    number: 1,
    keyId: 't1-01234567',
    wrapper: 'test-kms',
    wrapped: 'AAAA',
    createdAt: new Date(),
  };
  it.each([
    ['another tenant', { tenantId: 'other' }],
    ['no etag', { etag: { $gt: '' } }],
    ['a current key that is not there', { current: 2 }],
    ['a key beyond the current one', { current: 0 }],
    ['a current that is no number', { current: '1' }],
    ['keys that are no list', { keys: { 0: good } }],
    ['a key that is null', { keys: [null] }],
    ['two keys of one number', { keys: [good, good] }],
    ['a key id of another number', { keys: [{ ...good, keyId: 't2-01234567' }] }],
    ['a wrapper that is no text', { keys: [{ ...good, wrapper: {} }] }],
    ['wrapped bytes that are no base64', { keys: [{ ...good, wrapped: 'A-_=' }] }],
    ['no date', { keys: [{ ...good, createdAt: '2024-01-01' }] }],
    ['a tombstone that is none', { erased: true }],
  ])('with %s is ERR_KEY_INVALID, and is not overwritten', async (_, odd) => {
    let puts = 0;
    const entry = { tenantId: 'acme', etag: 'AAAABBBBCCCCDDDD', current: 1, keys: [good], ...odd };
    const store: KeyStore = {
      get: async () => entry as unknown as KeyEntry,
      put: async () => Boolean(++puts),
      scan: async function* () {},
    };
    const { vault, keys } = tenantVault({ store });
    for (const call of [
      vault.put('acme', 'custom', { a: 'b' }),
      keys.renew('acme'),
      keys.decryptionKey('t1-01234567', REF) as Promise<unknown>,
    ]) {
      expect(await rejection(call)).toMatchObject({ code: 'ERR_KEY_INVALID' });
    }
    expect(puts).toBe(0);
  });
});

describe('renew', () => {
  it('makes one key when two processes renew at once, and the number goes on', async () => {
    const { vault, open, keyStore, kms } = tenantVault();
    await vault.put('acme', 'custom', { token: 'one' });
    kms.delayMs = 5;
    const ids = await Promise.all([open().keys.renew('acme'), open().keys.renew('acme')]);
    expect(new Set(ids).size).toBe(1);
    const { current, keys } = await entryOf(keyStore);
    expect(current).toBe(2);
    expect(keys.map(({ number }) => number)).toEqual([1, 2]);
    expect(await open().keys.renew('acme')).toMatch(/^t3-/);
    const cold = open().vault;
    expect((await cold.require('acme', 'custom')).token).toBe('one');
  });

  it('checks its argument', async () => {
    const { keys } = tenantVault();
    for (const odd of [undefined, { $ne: null }, '', '__proto__']) {
      await expect(keys.renew(odd as string)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
  });
});

it('rejects options that are not of their type', () => {
  const wrapper = new TestKms();
  const store = new MemoryKeyStore();
  const odd: unknown[] = [
    undefined,
    {},
    { wrapper },
    { store },
    { wrapper: { ...wrapper, id: '' }, store },
    { wrapper: {}, store },
    { wrapper, store, seal: 'both' },
    { wrapper, store, seal: 'keyring' },
    { wrapper, store, keyring: {} },
    { wrapper, store, previousWrappers: wrapper },
    { wrapper, store, previousWrappers: [new TestKms()] },
    { wrapper, store, cache: { ttlMs: 0 } },
    { wrapper, store, cache: { max: 1.5 } },
  ];
  for (const options of odd) {
    expect(() => new TenantKeys(options as TenantKeysOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
    );
  }
});

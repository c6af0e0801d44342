import { setTimeout as sleep } from 'node:timers/promises';
import {
  Keyring,
  MemorySecretStore,
  rotateKeys,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  seal,
  VaultError,
  verifyVault,
} from 'provider-vault';
import { type FaultyMethod, FaultyStore } from 'provider-vault/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { coreOf } from '../../../src/core/vault-core.ts';
import { withLease } from '../../../src/lifecycle/lease.ts';
import { auditEvents, memoryVault, newKey, rejection } from '../../support/fixtures.ts';
import {
  another,
  deadHolder,
  describeLeases,
  LEASE,
  ref,
  setUp,
  TIMEOUT,
  tookMs,
} from '../../support/leases.ts';

afterEach(() => vi.useRealTimers());

/** A lease of 40 ms on a clock that moves by `pass`, and by 5 ms with each look of the others. */
function setUpWithClock() {
  vi.useFakeTimers({ toFake: ['performance'] });
  const pass = (ms: number) => void vi.advanceTimersByTime(ms);
  const { store, keys, core } = setUp();
  const looking = new Proxy(store, {
    get: (inner, name: keyof SecretStore) => {
      if (name === 'get') pass(5);
      const member = inner[name];
      return typeof member === 'function' ? member.bind(inner) : member;
    },
  });
  const other = another(looking, keys);
  return { store, looking, keys, core, other, pass };
}
/** The record of a lease that lasts for so long, as its holder wrote it. */
function leaseThatSays(leaseMs: string, keys: Keyring): SecretRecord {
  const $bind = { t: ref.tenantId, p: ref.provider, r: 1 };
  const data = seal(JSON.stringify({ leaseMs, $bind }), keys.encryptionKey());
  return { ...ref, data, metadata: { rev: 1, keyId: keys.encryptionKeyId } };
}

const SHORT = { ...LEASE, leaseMs: 40, waitMs: 500 };

describe('a lease', () => {
  it('is given back when what it was held for fails', async () => {
    const { core, store } = setUp();
    const failing = withLease(core, LEASE, () => Promise.reject(new Error('failed')));
    await expect(failing).rejects.toThrow('failed');
    expect(await store.get(ref)).toBeUndefined();
  });

  it('is not waited for beyond the time, and an aborted waiter leaves at once', async () => {
    const { core, other, store } = setUpWithClock();
    await deadHolder(core, { ...LEASE, leaseMs: 60_000 });
    const stored = await store.get(ref);
    const wait = (options: object) =>
      rejection(withLease(other, { ...SHORT, ...options }, async () => {}));
    expect(await wait({ waitMs: 0 })).toMatchObject(TIMEOUT);
    const took = await tookMs(async () => {
      expect(await wait({ waitMs: 100 })).toMatchObject(TIMEOUT);
    });
    expect(took).toBe(100);
    const signal = AbortSignal.timeout(50);
    const error = await wait({ waitMs: 1e9, leaseMs: 1e9, signal });
    expect(error).toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
    expect(await store.get(ref)).toEqual(stored);
    expect(await wait({ signal })).toMatchObject({ code: 'ERR_ABORTED' });
  });

  it('lasts for the time that its holder wrote, whatever the waiter would take', async () => {
    const { core, other } = setUpWithClock();
    await deadHolder(core, { ...SHORT, leaseMs: 80 });
    expect(await tookMs(() => withLease(other, SHORT, async () => {}))).toBe(85);
  });

  it('that is renewed is not taken over', async () => {
    const { core, keys, store, pass } = setUpWithClock();
    const order: string[] = [];
    await Promise.all([
      withLease(core, SHORT, async (lease) => {
        for (let n = 0; n < 6; n++) {
          pass(30);
          await sleep(20);
          await lease.renew();
          expect(lease.msLeft()).toBe(40);
        }
        order.push('first');
      }),
      sleep(1).then(() =>
        withLease(another(store, keys), SHORT, async () => void order.push('second')),
      ),
    ]);
    expect(order).toEqual(['first', 'second']);
  });

  it('of a dead holder ends for callers that do not wait, too', async () => {
    const { core, keys, store, pass } = setUpWithClock();
    await deadHolder(core, SHORT);
    const other = another(store, keys);
    const look = { ...SHORT, waitMs: 0 };
    for (let n = 0; n < 4; n++) {
      expect(await rejection(withLease(other, look, async () => {}))).toMatchObject(TIMEOUT);
      pass(10);
    }
    expect(await withLease(other, look, async () => 'held')).toBe('held');
  });

  it('is seen anew after a gap longer than its time, in which it may have been renewed', async () => {
    const { core, keys, store, pass } = setUpWithClock();
    await deadHolder(core, SHORT);
    const other = another(store, keys);
    const look = { ...SHORT, waitMs: 0 };
    expect(await rejection(withLease(other, look, async () => {}))).toMatchObject(TIMEOUT);
    pass(41);
    expect(await rejection(withLease(other, look, async () => {}))).toMatchObject(TIMEOUT);
    pass(40);
    expect(await withLease(other, look, async () => 'held')).toBe('held');
  });

  it('is another one once it was given back meanwhile', async () => {
    const { core, keys, store, pass } = setUpWithClock();
    const other = another(store, keys);
    const look = () => rejection(withLease(other, { ...SHORT, waitMs: 0 }, async () => {}));
    await withLease(core, SHORT, async () => expect(await look()).toMatchObject(TIMEOUT));
    pass(30);
    await deadHolder(core, SHORT);
    expect(await look()).toMatchObject(TIMEOUT);
    pass(20);
    expect(await look()).toMatchObject(TIMEOUT);
  });

  it('does not depend on the clock of any machine', async () => {
    const { looking, store, keys } = setUpWithClock();
    const DAY = 86_400_000;
    const at = (now: number, through = looking) =>
      coreOf(new SecretsVault({ store: through, keys, now: () => now }));
    await deadHolder(at(Date.now() - DAY, store), SHORT);
    const early = { ...SHORT, waitMs: 20 };
    expect(await rejection(withLease(at(Date.now() + DAY), early, async () => {}))).toMatchObject(
      TIMEOUT,
    );
    // set forward and back while a waiter waits
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const waited = tookMs(() => withLease(at(Date.now()), SHORT, async () => {}));
    for (const jump of [DAY, -2 * DAY, DAY]) {
      vi.setSystemTime(Date.now() + jump);
      await sleep(10);
    }
    expect(await waited).toBeGreaterThanOrEqual(40);
    expect(await waited).toBeLessThan(60);
  });

  it.each<[string, (record: SecretRecord) => SecretRecord]>([
    ['under a key that is not configured', (r) => ({ ...r, data: seal('{}', newKey()) })],
    ['that names such a key', (r) => ({ ...r, metadata: { ...r.metadata, keyId: '00000000' } })],
    ['of another tenant', (r) => ({ ...r, metadata: { ...r.metadata, rev: 7 } })],
    ['that is no text', (r) => ({ ...r, data: { $ne: 1 } as unknown as string })],
    ['without metadata', ({ tenantId, provider, data }) => ({ tenantId, provider, data })],
  ])('that cannot be opened, %s, is taken over after the lease time', async (_what, spoil) => {
    const { store, core, other } = setUpWithClock();
    await deadHolder(core, SHORT);
    const lease = (await store.get(ref)) as SecretRecord;
    await store.delete(ref);
    await store.put(spoil(lease), null);
    expect(await tookMs(() => withLease(other, SHORT, async () => {}))).toBe(45);
    expect(await store.get(ref)).toBeUndefined();
  });

  it.each([
    ['0', 40],
    ['-1', 40],
    ['x', 40],
    ['1e99', 40],
    ['3600001', 40],
    ['20', 20],
  ])('that says %s ms lasts for %i', async (leaseMs, ms) => {
    const { store, keys, other } = setUpWithClock();
    await store.put(leaseThatSays(leaseMs, keys), null);
    expect(await tookMs(() => withLease(other, SHORT, async () => {}))).toBe(ms + 5);
  });

  it('may last for an hour at most', async () => {
    const { store, keys, other } = setUpWithClock();
    await store.put(leaseThatSays('3600000', keys), null);
    const wait = withLease(other, { ...SHORT, waitMs: 100 }, async () => {});
    expect(await rejection(wait)).toMatchObject(TIMEOUT);
  });

  it('keeps members that it does not know, and holds no history', async () => {
    const { store, core, other } = setUpWithClock();
    await deadHolder(core, SHORT);
    const lease = (await store.get(ref)) as SecretRecord;
    await store.put({ ...lease, data: seal('{}', newKey()), note: 1 }, lease.data.slice(0, 16));
    await withLease(other, SHORT, async () => {
      const taken = await store.get(ref);
      expect(taken).toMatchObject({ note: 1 });
      expect(taken).not.toHaveProperty('history');
    });
  });

  it('is hidden from everybody [R8]', async () => {
    const { vault, store } = memoryVault();
    await vault.put('acme', 'custom', { a: 'x' });
    await withLease(coreOf(vault), LEASE, async () => {
      expect((await vault.list('acme')).map(({ provider }) => provider)).toEqual(['custom']);
      const shown = (await vault.status('acme')).map(({ provider }) => provider);
      expect(shown.filter((provider) => provider.includes('$'))).toEqual([]);
      expect((await vault.getAllSecrets('acme')).meta).toHaveLength(1);
      expect(await verifyVault(vault)).toMatchObject({ scanned: 1, ok: 1 });
      expect(await rotateKeys(vault)).toMatchObject({ scanned: 1 });
      expect(await rejection(vault.get('acme', ref.provider))).toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    });
    expect(await store.get(ref)).toBeUndefined();
    expect(await auditEvents(() => withLease(coreOf(vault), LEASE, async () => {}))).toEqual([]);
  });

  it('that a rotation of the keys seals anew stays one, and ends by itself', async () => {
    const { vault, key, store } = memoryVault();
    await vault.put('acme', 'custom', { a: 'x' });
    const newest = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
    await withLease(coreOf(vault), LEASE, async (lease) => {
      expect(await rotateKeys(new SecretsVault({ store, keys: newest }))).toMatchObject({
        scanned: 1,
        rotated: 1,
      });
      const rotated = { metadata: { keyId: newest.encryptionKeyId } };
      expect(await store.get(ref)).toMatchObject(rotated);
      expect(await rejection(lease.renew())).toMatchObject(TIMEOUT);
    });
    vi.useFakeTimers({ toFake: ['performance'] });
    const next = another(store, newest);
    const look = { ...LEASE, waitMs: 0 };
    expect(await rejection(withLease(next, look, async () => {}))).toMatchObject(TIMEOUT);
    vi.advanceTimersByTime(400);
    expect(await withLease(next, look, async () => 'held')).toBe('held');
    expect(await store.get(ref)).toBeUndefined();
  });

  it('has an address of 128 characters at most, whatever its name', async () => {
    const { store, core } = setUp();
    const name = `refresh/${'x'.repeat(128)}`;
    await withLease(core, { ...LEASE, name }, () =>
      withLease(core, { ...LEASE, name: `${name}y` }, async () => {
        const [one, two] = await store.list('acme');
        expect([one, two].map((record) => record?.provider.length)).toEqual([50, 50]);
        expect(one?.provider).not.toBe(two?.provider);
      }),
    );
  });
});

describe('a lease on a store that fails', () => {
  const methods: readonly FaultyMethod[] = ['get', 'put', 'delete'];
  const faults = methods.flatMap((method) =>
    [1, 2, 3].flatMap((nth) =>
      (['before', 'after'] as const).map((fault) => ({ method, nth, fault })),
    ),
  );

  it.each(faults)(
    '$fault $method, call $nth: one holder, and everybody gets it',
    async (planned) => {
      const memory = new MemorySecretStore();
      const keys = new Keyring({ encryptionKey: newKey() });
      const faulty = new FaultyStore(memory);
      faulty.fail(planned.method, planned.fault, planned.nth);
      let holders = 0;
      const hold = async (name: string) => {
        for (;;) {
          try {
            return await withLease(another(faulty.store, keys), LEASE, async () => {
              expect(++holders).toBe(1);
              await sleep(10);
              holders--;
              return name;
            });
          } catch (error) {
            expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
          }
        }
      };
      expect(await Promise.all([hold('a'), hold('b'), hold('c')])).toEqual(['a', 'b', 'c']);
      expect(await memory.get(ref)).toBeUndefined();
    },
  );

  it('is held when only the answer was lost', async () => {
    const faulty = new FaultyStore(new MemorySecretStore());
    const { core } = setUp(faulty.store);
    faulty.fail('put', 'after');
    await withLease(core, { ...LEASE, waitMs: 0 }, async (lease) => {
      faulty.fail('put', 'after');
      await lease.renew();
      expect(lease.msLeft()).toBeGreaterThan(0);
    });
    expect(await faulty.store.get(ref)).toBeUndefined();
  });

  it('is not held where the write failed for another reason, though it was done', async () => {
    const { core, store } = setUp();
    const put = store.put.bind(store);
    store.put = async (...args) => {
      await put(...args);
      throw new VaultError('ERR_STORE_FAILED', 'broken');
    };
    const call = withLease(core, LEASE, async () => {});
    expect(await rejection(call)).toMatchObject({ code: 'ERR_STORE_FAILED' });
  });

  it('counts its time from before the write, however long that takes', async () => {
    const { core, store, pass } = setUpWithClock();
    const put = store.put.bind(store);
    store.put = (...args) => {
      pass(30);
      return put(...args);
    };
    await withLease(core, SHORT, async (lease) => {
      expect(lease.msLeft()).toBe(10);
      pass(11);
      expect(lease.msLeft()).toBe(0);
    });
  });

  it('does not lose the result when it cannot be given back, and ends by itself', async () => {
    const { store, keys, other } = setUpWithClock();
    const faulty = new FaultyStore(store);
    faulty.fail('delete', 'before');
    faulty.fail('delete', 'before', 2);
    const core = another(faulty.store, keys);
    expect(await withLease(core, SHORT, async () => 'done')).toBe('done');
    expect(await store.get(ref)).toBeDefined();
    expect(await withLease(other, SHORT, async () => 'next')).toBe('next');
  });

  it('is not had without a key, and no key is tried that may not be', async () => {
    const { core, store } = setUp();
    const down = {
      ...core,
      keys: { ...core.keys, encryptionKey: () => Promise.reject(new Error('KMS')) },
    };
    await expect(withLease(down as never, LEASE, async () => {})).rejects.toThrow('KMS');
    expect(await store.get(ref)).toBeUndefined();
  });
});

describeLeases('MemorySecretStore', () => new MemorySecretStore());

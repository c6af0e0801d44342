import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  FileSecretStore,
  Keyring,
  MemorySecretStore,
  MongoSecretStore,
  rotateKeys,
  type SecretRecord,
  type SecretStore,
  SecretsVault,
  seal,
  verifyVault,
} from 'provider-vault';
import { type FaultyMethod, FaultyStore } from 'provider-vault/testing';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { coreOf } from '../../../src/core/vault-core.ts';
import { type Lease, withLease } from '../../../src/lifecycle/lease.ts';
import { testDatabase } from '../../support/database.ts';
import { auditEvents, memoryVault, newKey, rejection } from '../../support/fixtures.ts';

const { db } = await testDatabase();
const folder = mkdtempSync(join(tmpdir(), 'leases-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => vi.useRealTimers());

const ref = { tenantId: 'acme', provider: '$lease:refresh/google' };
const LEASE = { tenantId: 'acme', name: 'refresh/google', leaseMs: 400, waitMs: 5_000 };
const TIMEOUT = { code: 'ERR_LEASE_TIMEOUT', message: expect.stringContaining('$lease:refresh') };

/** The core of another process's vault: it remembers nothing of what this one has seen. */
const another = (store: SecretStore, keys: Keyring) => coreOf(new SecretsVault({ store, keys }));
const setUp = (store: SecretStore = new MemorySecretStore()) => {
  const keys = new Keyring({ encryptionKey: newKey() });
  return { store, keys, core: another(store, keys), other: another(store, keys) };
};
/** A holder that has died: its lease stays. */
async function deadHolder(core: ReturnType<typeof another>, options = LEASE): Promise<Lease> {
  return new Promise((resolve) => {
    withLease(core, options, (lease) => {
      resolve(lease);
      return new Promise(() => {});
    });
  });
}
async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

const stores: [string, () => SecretStore][] = [
  ['MemorySecretStore', () => new MemorySecretStore()],
  ['FileSecretStore', () => new FileSecretStore(join(folder, randomUUID()))],
  ['MongoSecretStore', () => new MongoSecretStore(db, { collection: randomUUID() })],
];

describe.each(stores)('a lease in %s', (_name, open) => {
  it('is held by one at a time, whoever else wants it, and nothing of it stays', async () => {
    const { store, keys } = setUp(open());
    let holders = 0;
    let most = 0;
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        withLease(another(store, keys), { ...LEASE, waitMs: 30_000 }, async () => {
          most = Math.max(most, ++holders);
          await sleep(5);
          holders--;
          return n;
        }),
      ),
    );
    expect(results).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(1);
    expect(await store.get(ref)).toBeUndefined();
  });

  it('is taken over when its holder has died, after its whole time and no sooner', async () => {
    const { core, other, store } = setUp(open());
    const dead = await deadHolder(core);
    const took = await tookMs(() =>
      withLease(other, { ...LEASE, leaseMs: 60_000 }, async (lease) => {
        expect(dead.msLeft()).toBe(0);
        expect(lease.msLeft()).toBeGreaterThan(200);
      }),
    );
    expect(took).toBeGreaterThanOrEqual(400);
    expect(await store.get(ref)).toBeUndefined();
  });

  it('is not given back, nor renewed, by a holder that lost it', async () => {
    const { core, other, store } = setUp(open());
    await withLease(core, LEASE, async (late) => {
      const next = await deadHolder(other, { ...LEASE, leaseMs: 60_000 });
      const stored = await store.get(ref);
      expect(late.msLeft()).toBe(0);
      expect(await rejection(late.renew())).toMatchObject(TIMEOUT);
      expect(await store.get(ref)).toEqual(stored);
      expect(next.msLeft()).toBeGreaterThan(0);
    });
    expect(await store.get(ref)).toBeDefined();
  });
});

describe('a lease', () => {
  it('is given back when what it was held for fails', async () => {
    const { core, store } = setUp();
    const failing = withLease(core, LEASE, () => Promise.reject(new Error('failed')));
    await expect(failing).rejects.toThrow('failed');
    expect(await store.get(ref)).toBeUndefined();
  });

  it('is not waited for beyond the time, and an aborted waiter leaves at once', async () => {
    const { core, other, store } = setUp();
    await deadHolder(core, { ...LEASE, leaseMs: 60_000 });
    const stored = await store.get(ref);
    const wait = (options: object) =>
      rejection(withLease(other, { ...LEASE, ...options }, async () => {}));
    expect(await wait({ waitMs: 0 })).toMatchObject(TIMEOUT);
    const took = await tookMs(async () => {
      expect(await wait({ waitMs: 300 })).toMatchObject(TIMEOUT);
    });
    expect(took).toBeGreaterThanOrEqual(299);
    const aborted = await wait({ signal: AbortSignal.timeout(50) });
    expect(aborted).toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
    expect(await store.get(ref)).toEqual(stored);
  });

  it('lasts for the time that its holder wrote, whatever the waiter would take', async () => {
    const { core, other } = setUp();
    await deadHolder(core, { ...LEASE, leaseMs: 800 });
    expect(await tookMs(() => withLease(other, LEASE, async () => {}))).toBeGreaterThanOrEqual(800);
  });

  it('that is renewed is not taken over', async () => {
    const { core, other } = setUp();
    const order: string[] = [];
    await Promise.all([
      withLease(core, LEASE, async (lease) => {
        for (let n = 0; n < 6; n++) {
          await sleep(150);
          await lease.renew();
        }
        expect(lease.msLeft()).toBeGreaterThan(0);
        order.push('first');
      }),
      sleep(10).then(() => withLease(other, LEASE, async () => void order.push('second'))),
    ]);
    expect(order).toEqual(['first', 'second']);
  });

  it('of a dead holder ends for callers that do not wait, too', async () => {
    const { core, other } = setUp();
    await deadHolder(core);
    const look = () => withLease(other, { ...LEASE, waitMs: 0 }, async () => true);
    const refused = (error: Error) => {
      expect(error).toMatchObject(TIMEOUT);
    };
    const waited = await tookMs(async () => {
      while ((await look().catch(refused)) === undefined) await sleep(60);
    });
    expect(waited).toBeGreaterThanOrEqual(400);
  });

  it('is seen anew after a gap as long as its time, in which it may have been renewed', async () => {
    const { core, other } = setUp();
    await deadHolder(core);
    const look = { ...LEASE, waitMs: 0 };
    expect(await rejection(withLease(other, look, async () => {}))).toMatchObject(TIMEOUT);
    await sleep(500);
    expect(await rejection(withLease(other, look, async () => {}))).toMatchObject(TIMEOUT);
  });

  it('does not depend on the clock of any machine', async () => {
    const { store, keys } = setUp();
    const DAY = 86_400_000;
    const at = (now: number) => coreOf(new SecretsVault({ store, keys, now: () => now }));
    await deadHolder(at(Date.now() - DAY));
    const early = { ...LEASE, waitMs: 200 };
    expect(await rejection(withLease(at(Date.now() + DAY), early, async () => {}))).toMatchObject(
      TIMEOUT,
    );
    // set forward and back while a waiter waits
    const waiter = at(Date.now());
    vi.useFakeTimers({ toFake: ['Date'] });
    const waited = tookMs(() => withLease(waiter, LEASE, async () => {}));
    for (const jump of [DAY, -2 * DAY, DAY]) {
      vi.setSystemTime(Date.now() + jump);
      await sleep(50);
    }
    expect(await waited).toBeGreaterThanOrEqual(400);
  });

  it.each<[string, (record: SecretRecord) => SecretRecord]>([
    ['under a key that is not configured', (r) => ({ ...r, data: seal('{}', newKey()) })],
    ['that names such a key', (r) => ({ ...r, metadata: { ...r.metadata, keyId: '00000000' } })],
    ['of another tenant', (r) => ({ ...r, metadata: { ...r.metadata, rev: 7 } })],
    ['that is no text', (r) => ({ ...r, data: { $ne: 1 } as unknown as string })],
    ['without metadata', ({ tenantId, provider, data }) => ({ tenantId, provider, data })],
  ])('that cannot be opened, %s, is taken over after the lease time', async (_what, spoil) => {
    const { store, core, other } = setUp();
    await deadHolder(core);
    const lease = (await store.get(ref)) as SecretRecord;
    await store.delete(ref);
    await store.put(spoil(lease), null);
    const took = await tookMs(() => withLease(other, LEASE, async () => {}));
    expect(took).toBeGreaterThanOrEqual(400);
    expect(await store.get(ref)).toBeUndefined();
  });

  it.each(['0', '-1', 'x', '1e99', '3600001'])(
    'with the time %s has the time of the waiter',
    async (leaseMs) => {
      const { key, keys, store } = memoryVault();
      const $bind = { t: ref.tenantId, p: ref.provider, r: 1 };
      const data = seal(JSON.stringify({ leaseMs, $bind }), key);
      await store.put({ ...ref, data, metadata: { rev: 1, keyId: keys.encryptionKeyId } }, null);
      const took = await tookMs(() => withLease(another(store, keys), LEASE, async () => {}));
      expect(took).toBeGreaterThanOrEqual(400);
    },
  );

  it('keeps members that it does not know, and holds no history', async () => {
    const { store, core, other } = setUp();
    await deadHolder(core);
    const lease = (await store.get(ref)) as SecretRecord;
    await store.put({ ...lease, data: seal('{}', newKey()), note: 1 }, lease.data.slice(0, 16));
    await withLease(other, LEASE, async () => {
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
    expect(await withLease(another(store, newest), LEASE, async () => 'held')).toBe('held');
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

  it('counts its time from before the write, however long that takes', async () => {
    const faulty = new FaultyStore(new MemorySecretStore());
    const { core } = setUp(faulty.store);
    faulty.fail('put', { delayMs: 300 });
    await withLease(core, LEASE, async (lease) => expect(lease.msLeft()).toBeLessThan(101));
  });

  it('does not lose the result when it cannot be given back, and ends by itself', async () => {
    const faulty = new FaultyStore(new MemorySecretStore());
    const { core, other } = setUp(faulty.store);
    faulty.fail('delete', 'before');
    faulty.fail('delete', 'before', 2);
    expect(await withLease(core, LEASE, async () => 'done')).toBe('done');
    expect(await faulty.store.get(ref)).toBeDefined();
    expect(await withLease(other, LEASE, async () => 'next')).toBe('next');
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

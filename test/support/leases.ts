import { setTimeout as sleep } from 'node:timers/promises';
import { Keyring, MemorySecretStore, type SecretStore, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { coreOf } from '../../src/core/vault-core.ts';
import { type Lease, withLease } from '../../src/lifecycle/lease.ts';
import { newKey, rejection } from './fixtures.ts';

export const ref = { tenantId: 'acme', provider: '$lease:refresh/google' };
export const LEASE = { tenantId: 'acme', name: 'refresh/google', leaseMs: 400, waitMs: 5_000 };
export const TIMEOUT = {
  code: 'ERR_LEASE_TIMEOUT',
  message: expect.stringContaining('$lease:refresh'),
};

/** The core of another process's vault: it remembers nothing of what this one has seen. */
export const another = (store: SecretStore, keys: Keyring) =>
  coreOf(new SecretsVault({ store, keys }));
export const setUp = (store: SecretStore = new MemorySecretStore()) => {
  const keys = new Keyring({ encryptionKey: newKey() });
  return { store, keys, core: another(store, keys), other: another(store, keys) };
};
/** A holder that has died: its lease stays. */
export async function deadHolder(
  core: ReturnType<typeof another>,
  options = LEASE,
): Promise<Lease> {
  return new Promise((resolve) => {
    withLease(core, options, (lease) => {
      resolve(lease);
      return new Promise(() => {});
    });
  });
}

export async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** What a lease needs of each store, on the clock of the machine. */
export function describeLeases(name: string, open: () => SecretStore): void {
  describe(`a lease in ${name}`, () => {
    it('is held by one at a time, whoever else wants it, and nothing of it stays', async () => {
      const { store, keys } = setUp(open());
      let holders = 0;
      let most = 0;
      const results = await Promise.all(
        Array.from({ length: 8 }, (_, n) =>
          withLease(
            another(store, keys),
            { ...LEASE, leaseMs: 60_000, waitMs: 60_000 },
            async () => {
              most = Math.max(most, ++holders);
              await sleep(5);
              holders--;
              return n;
            },
          ),
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
}

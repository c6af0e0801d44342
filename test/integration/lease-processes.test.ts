import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { FileSecretStore, Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { coreOf } from '../../src/core/vault-core.ts';
import { withLease } from '../../src/lifecycle/lease.ts';
import { bundleWorker } from '../support/bundle-worker.ts';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';

const { client } = await testDatabase();
const folder = mkdtempSync(join(tmpdir(), 'lease-processes-'));
const worker = await bundleWorker('hold-lease');
afterAll(() =>
  Promise.all([rm(dirname(worker), { recursive: true }), rmSync(folder, { recursive: true })]),
);

const key = newKey();
const keys = new Keyring({ encryptionKey: key });
const LEASE = { tenantId: 'acme', name: 'test', waitMs: 60_000 };
const ref = { tenantId: 'acme', provider: '$lease:test' };

/** A store of its own for a test, and how a worker finds it. */
type Place = {
  store: MongoSecretStore | FileSecretStore;
  args: string[];
  drop(): Promise<unknown>;
};
const places: [string, () => Place][] = [
  [
    'MongoDB',
    () => {
      const db = client.db(`lease_${randomUUID().replaceAll('-', '')}`);
      const args = [inject('mongoUri'), db.databaseName];
      return { store: new MongoSecretStore(db), args, drop: () => db.dropDatabase() };
    },
  ],
  [
    'a file',
    () => {
      const path = join(folder, randomUUID());
      return { store: new FileSecretStore(path), args: [path, ''], drop: async () => {} };
    },
  ],
];

interface Holder {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: string[];
  readonly closed: Promise<unknown>;
  /** Waits for line number `n`. */
  said(n: number): Promise<string>;
  go(): void;
}

async function holder({ args }: Place, leaseMs: number, ...mode: string[]): Promise<Holder> {
  const child = spawn(process.execPath, [worker, ...args, String(leaseMs), ...mode], {
    env: { ...process.env, APP_ENCRYPTION_KEY: key },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const parts = `${rest}${chunk}`.split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  const closed = once(child, 'close');
  const said = async (n: number) => {
    while (lines.length <= n) await once(child.stdout, 'data');
    return lines[n] as string;
  };
  await said(0);
  return { child, lines, closed, said, go: () => void child.stdin.write('\n') };
}

/** The times at which a process was sure to hold the lease. */
function heldTimes({ lines }: Holder): { from: number; to: number }[] {
  return lines.flatMap((line, at) => {
    const [what, from, deadline] = line.split(' ');
    if (what !== 'enter') return [];
    const exit = lines[at + 1]?.split(' ')[1];
    return { from: Number(from), to: Math.min(Number(exit ?? deadline), Number(deadline)) };
  });
}

function overlaps(holders: readonly Holder[]): number {
  const times = holders.flatMap(heldTimes).sort((a, b) => a.from - b.from);
  return times.filter(({ from }, at) => from < (times[at - 1]?.to ?? 0)).length;
}

describe.each(places)(
  'processes that want one lease in %s',
  { timeout: 120_000 },
  (_name, open) => {
    it('hold it one after the other: six processes, killed and stopped at random', async () => {
      const place = open();
      const LEASE_MS = 500;
      const holders = await Promise.all(
        Array.from({ length: 6 }, () => holder(place, LEASE_MS, 'times', '20')),
      );
      for (const one of holders) one.go();
      const [a, b, c] = holders as [Holder, Holder, Holder];
      await a.said(3);
      a.child.kill('SIGKILL');
      await b.said(5);
      b.child.kill('SIGSTOP');
      await sleep(1_500);
      b.child.kill('SIGCONT');
      await c.said(9);
      c.child.kill('SIGKILL');
      await Promise.all(holders.map(({ closed }) => closed));
      const counts = holders.map((one) => heldTimes(one).length);
      expect(counts).toEqual([expect.any(Number), 20, expect.any(Number), 20, 20, 20]);
      expect(counts[0]).toBeLessThan(20);
      expect(overlaps(holders)).toBe(0);
      await withLease(
        coreOf(new SecretsVault({ store: place.store, keys })),
        { ...LEASE, leaseMs: LEASE_MS },
        async () => {},
      );
      expect(await place.store.get(ref)).toBeUndefined();
      await place.drop();
    });

    it('get it when its holder has died, at whatever step of the store', async () => {
      // get, put, delete
      for (const [call, side, stays] of [
        ['1', 'before', false],
        ['1', 'after', false],
        ['2', 'before', false],
        ['2', 'after', true],
        ['3', 'before', true],
        ['3', 'after', false],
      ] as const) {
        const place = open();
        const { store } = place;
        const dying = await holder(place, 400, 'die', call, side);
        dying.go();
        expect((await dying.closed) as unknown[]).toEqual([null, 'SIGKILL']);
        expect([call, side, (await store.get(ref)) !== undefined]).toEqual([call, side, stays]);
        const core = coreOf(new SecretsVault({ store, keys }));
        const started = performance.now();
        await withLease(core, { ...LEASE, leaseMs: 60_000 }, async () => {});
        const took = performance.now() - started;
        if (stays) expect(took).toBeGreaterThanOrEqual(400);
        expect(await store.get(ref)).toBeUndefined();
        await place.drop();
      }
    });

    it('know that it has ended when they were asleep, and overwrite nothing', async () => {
      const place = open();
      const { store } = place;
      const vault = new SecretsVault({ store, keys });
      await vault.put('acme', 'custom', { by: 'nobody' });
      const sleeper = await holder(place, 400, 'write');
      sleeper.go();
      await sleeper.said(1);
      sleeper.child.kill('SIGSTOP');
      await withLease(coreOf(vault), { ...LEASE, leaseMs: 60_000 }, async () => {
        const lease = await store.get(ref);
        await vault.patch('acme', 'custom', { by: 'the next one' });
        sleeper.child.kill('SIGCONT');
        sleeper.go();
        expect(await sleeper.said(2)).toBe('0 ERR_CONFLICT');
        await sleeper.closed;
        expect(await store.get(ref)).toEqual(lease); // not given back by the one that lost it
      });
      expect((await vault.require('acme', 'custom')).by).toBe('the next one');
      await place.drop();
    });
  },
);

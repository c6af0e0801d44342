import { createHash } from 'node:crypto';
import {
  checkHealth,
  isVaultError,
  Keyring,
  type LongOperationOptions,
  MemorySecretStore,
  OperationError,
  type OperationIssue,
  type OperationProgress,
  type RotationReport,
  refreshDue,
  reindexLookup,
  rotateKeys,
  SecretsVault,
  VaultError,
  type VerificationReport,
  verifyVault,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { newKey, rejection } from '../../support/fixtures.ts';

const name = (n: number) => `tenant-${String(n).padStart(3, '0')}`;

/** A vault of `count` records, all due for a rotation. */
async function dueVault(count: number, store = new MemorySecretStore()) {
  const [oldKey, key] = [newKey(), newKey()];
  const old = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  for (let n = 0; n < count; n++) await old.put(name(n), 'custom', { of: name(n) });
  const keys = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
  const vault = new SecretsVault({ store, keys });
  const rotated = async () => {
    const tenants: string[] = [];
    for await (const batch of store.scan({ keyId: keys.encryptionKeyId })) {
      tenants.push(...batch.map(({ tenantId }) => tenantId));
    }
    return tenants;
  };
  return { store, vault, rotated };
}

/** A store whose scan fails after each `batches` batches, `times` times. */
class BreakingStore extends MemorySecretStore {
  scans = 0;
  constructor(
    readonly batches: number,
    readonly times: number,
  ) {
    super();
  }
  override async *scan(query: Parameters<MemorySecretStore['scan']>[0]) {
    const breaks = this.scans++ < this.times;
    let given = 0;
    for await (const batch of super.scan(query)) {
      if (breaks && given++ === this.batches) {
        throw new VaultError('ERR_STORE_UNAVAILABLE', 'The connection was lost.');
      }
      yield batch;
    }
  }
}

async function failure<R>(promise: Promise<R>): Promise<OperationError<R>> {
  const error = await rejection(promise);
  expect(error).toBeInstanceOf(OperationError);
  expect(isVaultError(error)).toBe(true);
  return error as OperationError<R>;
}

describe('a long operation', () => {
  it('rejects malformed options before it reads anything', async () => {
    const { vault } = await dueVault(1);
    for (const options of [
      { batchSize: 0 },
      { batchSize: '5' },
      { concurrency: 0 },
      { concurrency: 1.5 },
      { maxPerSecond: 0 },
      { maxPerSecond: -1 },
      { maxPerSecond: Number.NaN },
      { maxPerSecond: Number.POSITIVE_INFINITY },
      { part: { index: 2, of: 2 } },
      { part: { index: -1, of: 2 } },
      { part: { index: 0, of: 0.5 } },
      { part: { index: 0.5, of: 2 } },
      { part: { index: 0, of: 2 ** 32 + 1 } },
      { part: {} },
      { range: { after: 'tenant' } },
      { range: { until: { tenantId: 'a' } } },
      { range: { from: { tenantId: 'a', provider: 'b' } } },
      { range: { after: { provider: 'a' } } },
      { range: { until: null } },
      { range: 'all' },
      { range: [] },
      { range: 5 },
      {
        range: { after: { tenantId: 'b', provider: 'a' }, until: { tenantId: 'a', provider: 'b' } },
      },
      { range: null },
      { part: null },
      { dryRun: 'no' },
      { onProgress: 5 },
      { onProgress: null },
      { after: 5 },
      { after: [...Buffer.from('["a","b"]')] },
      { after: Buffer.from('["a"]').toString('base64url') },
      { after: Buffer.from('["a","b","c"]').toString('base64url') },
      { after: Buffer.from('[1,"b"]').toString('base64url') },
      { onIssue: {} },
      null,
      { after: 'not from an error' },
      { after: '' },
      { signal: {} },
      { actor: 1 },
    ] as unknown as LongOperationOptions[]) {
      for (const operation of [rotateKeys, verifyVault, refreshDue, checkHealth, reindexLookup]) {
        const error = await rejection(operation(vault, options) as Promise<unknown>);
        expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
        expect(error).not.toBeInstanceOf(OperationError);
      }
    }
    await expect(rotateKeys({} as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  it('accepts the widest options', async () => {
    const { vault } = await dueVault(3);
    const place = { tenantId: name(1), provider: 'custom' };
    for (const [options, scanned] of [
      [{ part: { index: 0, of: 2 ** 32 } }, 0],
      [{ part: { index: 0, of: 1 } }, 3],
      [{ range: {} }, 3],
      [{ range: { after: undefined } }, 3],
      [{ range: { after: place, until: place } }, 0],
      [{ batchSize: 1, concurrency: 1, maxPerSecond: 1e6, dryRun: false }, 3],
    ] as [LongOperationOptions, number][]) {
      expect(await verifyVault(vault, options)).toMatchObject({ scanned });
    }
  });

  it('goes on where it was when the store loses its connection', async () => {
    const { vault } = await dueVault(60, new BreakingStore(2, 3));
    expect(await verifyVault(vault, { batchSize: 5 })).toMatchObject({ scanned: 60, ok: 60 });
    const { vault: other, rotated } = await dueVault(60, new BreakingStore(2, 3));
    expect(await rotateKeys(other, { batchSize: 5 })).toMatchObject({ scanned: 60, rotated: 60 });
    expect(await rotated()).toHaveLength(60);
  });

  it('does not retry a store that it never reached, and reports what ended it', async () => {
    const store = new BreakingStore(0, 1);
    const { vault } = await dueVault(3, store);
    const error = await failure(verifyVault(vault));
    expect(error).toMatchObject({ code: 'ERR_STORE_UNAVAILABLE', name: 'OperationError' });
    expect(error.report).toMatchObject({ scanned: 0, ok: 0 });
    expect(error.after).toBeUndefined();
    expect(store.scans).toBe(1);
  });

  it('reports what it did when it fails, and goes on from there', async () => {
    const { store, vault, rotated } = await dueVault(100);
    const put = store.putMany.bind(store);
    let writes = 0;
    store.putMany = async (batch) => {
      if (++writes === 6) throw new VaultError('ERR_STORE_FAILED', 'The disk is full.');
      return put(batch);
    };
    const error: OperationError<RotationReport> = await failure(
      rotateKeys(vault, { batchSize: 10, concurrency: 3 }),
    );
    expect(error).toMatchObject({ code: 'ERR_STORE_FAILED', message: 'The disk is full.' });
    expect(error.cause).toMatchObject({ code: 'ERR_STORE_FAILED' });
    const done = await rotated();
    expect(error.report.rotated).toBe(done.length);
    expect(error.report.rotated).toBeGreaterThanOrEqual(50);
    // Everything up to `after` is done, though batches were under way beyond it.
    const [tenantId] = JSON.parse(Buffer.from(error.after as string, 'base64url').toString());
    expect(done).toEqual(expect.arrayContaining(Array.from({ length: 50 }, (_, n) => name(n))));
    expect(tenantId).toBe(name(49));

    const rest = await rotateKeys(vault, { after: error.after as string });
    expect(rest.scanned).toBe(50);
    expect(rest.rotated + error.report.rotated).toBe(100);
    expect(await rotated()).toHaveLength(100);
  });

  it('stops when it is told to, and says where', async () => {
    const { vault, rotated } = await dueVault(100);
    const abort = new AbortController();
    const onProgress = ({ done }: OperationProgress) => done >= 30 && abort.abort();
    const options = { signal: abort.signal, onProgress, batchSize: 5 };
    const error: OperationError<RotationReport> = await failure(rotateKeys(vault, options));
    expect(error).toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
    expect(error.report.rotated).toBe((await rotated()).length);
    expect(error.report.rotated).toBeLessThan(60);
    const rest = await rotateKeys(vault, { after: error.after as string });
    expect(rest.scanned + error.report.scanned).toBe(100);
    await expect(rotateKeys(vault, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it.each(['scan', 'putMany'] as const)('stops while "%s" of the store hangs', async (method) => {
    const { store, vault } = await dueVault(10);
    const never = new Promise<never>(() => {});
    if (method === 'scan') {
      store.scan = () => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) });
    } else {
      store[method] = () => never;
    }
    const signal = AbortSignal.timeout(50);
    const error = await failure(rotateKeys(vault, { signal }));
    expect(error).toMatchObject({ code: 'ERR_ABORTED', report: { rotated: 0 } });
  });

  it('shares tenants between parts: each exactly once, by the SHA-256 of its id', async () => {
    const { vault } = await dueVault(60);
    const of = 7;
    const scanned = [];
    for (let index = 0; index < of; index++) {
      const totals: unknown[] = [];
      const report = await rotateKeys(vault, {
        part: { index, of },
        batchSize: 10,
        onProgress: ({ done, total }) => totals.push(total) && expect(done).toBeLessThan(60),
      });
      const own = Array.from({ length: 60 }, (_, n) => name(n)).filter((tenant) => {
        const digest = createHash('sha256').update(tenant).digest('hex');
        return BigInt(`0x${digest}`) % BigInt(of) === BigInt(index);
      });
      expect(report).toMatchObject({ scanned: own.length, rotated: own.length });
      expect(new Set(totals)).toEqual(new Set([undefined]));
      scanned.push(report.scanned);
    }
    expect(scanned.reduce((sum, count) => sum + count)).toBe(60);
  });

  it('keeps to a range, and goes on within it', async () => {
    const { vault, rotated } = await dueVault(50);
    const range = {
      after: { tenantId: name(9), provider: 'custom' },
      until: { tenantId: name(29), provider: 'custom' },
    };
    const abort = new AbortController();
    const error = await failure(
      rotateKeys(vault, {
        range,
        batchSize: 5,
        concurrency: 1,
        signal: abort.signal,
        onProgress: () => abort.abort(),
      }),
    );
    expect(error.report).toMatchObject({ scanned: 5 });
    const rest = await rotateKeys(vault, { range, after: error.after as string });
    expect(rest).toMatchObject({ scanned: 15, rotated: 15 });
    expect(await rotated()).toEqual(Array.from({ length: 20 }, (_, n) => name(n + 10)));
  });

  it('keeps to a range, whatever place of another run it goes on from', async () => {
    const { vault, rotated } = await dueVault(30);
    const placeOf = (n: number) =>
      Buffer.from(JSON.stringify([name(n), 'custom'])).toString('base64url');
    const range = {
      after: { tenantId: name(9), provider: 'custom' },
      until: { tenantId: name(19), provider: 'custom' },
    };
    expect(await rotateKeys(vault, { range, after: placeOf(25) })).toMatchObject({ scanned: 0 });
    expect(await rotateKeys(vault, { range, after: placeOf(2) })).toMatchObject({ scanned: 10 });
    expect(await rotated()).toEqual(Array.from({ length: 10 }, (_, n) => name(n + 10)));
  });

  it('keeps an even pace, without a burst at the start', async () => {
    const { vault } = await dueVault(60);
    const started = performance.now();
    const seen: { at: number; done: number }[] = [];
    await verifyVault(vault, {
      maxPerSecond: 100,
      onProgress: ({ done }) => seen.push({ at: performance.now() - started, done }),
    });
    for (const { at, done } of seen) expect(done).toBeLessThanOrEqual(at / 10 + 11);
    expect(seen[0]?.done).toBeLessThanOrEqual(10);
    expect(seen.at(-1)?.at).toBeGreaterThan(550);
  });

  it('waits, however slow it is to be', async () => {
    const { vault } = await dueVault(2);
    const options = { maxPerSecond: 1e-7, signal: AbortSignal.timeout(100) };
    const error = await failure(verifyVault(vault, options));
    expect(error).toMatchObject({ code: 'ERR_ABORTED', report: { scanned: 0 } });
  });

  it('tells every issue, and lists the first 1,000', async () => {
    const store = new MemorySecretStore();
    for (let n = 0; n < 1_100; n++) {
      await store.put({ tenantId: `t${n}`, provider: 'custom', data: 'no base64' }, null);
    }
    const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    const issues: OperationIssue[] = [];
    const lists = new Set<string>();
    const onIssue = (issue: OperationIssue, list: string) => {
      issues.push(issue);
      lists.add(list);
    };
    const report: VerificationReport = await verifyVault(vault, { onIssue });
    expect(report).toMatchObject({ malformed: 1_100, problemCount: 1_100 });
    expect(report.problems).toEqual(issues.slice(0, 1_000));
    expect(issues).toHaveLength(1_100);
    expect(lists).toEqual(new Set(['problems']));
  });

  it('counts records for the progress alone, and does not wait for the count', async () => {
    const { store, vault } = await dueVault(30);
    let counts = 0;
    let answer = (_count: number) => {};
    store.count = () => {
      counts++;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    await verifyVault(vault);
    expect(counts).toBe(0);
    const totals: unknown[] = [];
    const onProgress = ({ total }: OperationProgress) => {
      totals.push(total);
      answer(30);
    };
    await verifyVault(vault, { onProgress, batchSize: 5 });
    expect(totals[0]).toBeUndefined();
    expect(totals.at(-1)).toBe(30);
    store.count = () => Promise.reject(new Error('no index'));
    expect(await verifyVault(vault, { onProgress })).toMatchObject({ ok: 30 });
  });

  it('ends with the error of a callback', async () => {
    const { vault } = await dueVault(3);
    const cause = new Error('of the caller');
    const error = await failure(
      verifyVault(vault, {
        onProgress: () => {
          throw cause;
        },
      }),
    );
    expect(error.cause).toBe(cause);
    expect(error.report.scanned).toBe(3);
  });
});

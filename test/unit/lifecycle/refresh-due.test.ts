import {
  defineProvider,
  Keyring,
  MemorySecretStore,
  OperationError,
  refreshDue,
  type SecretRecord,
  SecretsVault,
  seal,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { auditEvents, newKey, rejection } from '../../support/fixtures.ts';

const START = Date.UTC(2027, 0, 1);
const MINUTE = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();

/** Tenants whose credentials end in 0, 10, 20 … minutes, and some that do not end. */
async function setUp(store = new MemorySecretStore()) {
  const faulty = new FaultyStore(store);
  const refused = new Set<string>();
  let exchanges = 0;
  const google = defineProvider({
    name: 'google',
    fields: {
      accessToken: { label: 'Access', secret: true },
      expiresAt: { label: 'Expires', secret: false },
    },
    complete: [['accessToken']],
    refresh: {
      expiresAt: 'expiresAt',
      exchange: async ({ fields }) => {
        exchanges++;
        const { accessToken = '' } = fields;
        if (refused.has(accessToken)) throw Object.assign(new Error(), { error: 'invalid_grant' });
        return { accessToken: `${accessToken}+`, expiresAt: iso(START + 60 * MINUTE) };
      },
    },
  });
  const key = newKey();
  const keys = new Keyring({ encryptionKey: key });
  const vault = new SecretsVault({
    store: faulty.store,
    keys,
    providers: [google],
    now: () => START,
  });
  for (let n = 0; n < 6; n++) {
    await vault.put(`t${n}`, 'google', {
      accessToken: `t${n}`,
      expiresAt: iso(START + n * 10 * MINUTE),
    });
    await vault.put(`t${n}`, 'custom', { key: 'x', expiresAt: iso(START) });
  }
  await vault.put('endless', 'google', { accessToken: 'endless' });
  const token = async (tenantId: string) => (await vault.require(tenantId, 'google')).accessToken;
  return { store, faulty, key, keys, google, vault, refused, token, exchanges: () => exchanges };
}

describe('refreshDue', () => {
  it('renews what is due, and nothing else', async () => {
    const { vault, token, exchanges, store } = await setUp();
    const dry = await refreshDue(vault, { dryRun: true });
    expect(dry).toEqual({ scanned: 13, due: 2, renewed: 0, failedCount: 0, failed: [] });
    expect(exchanges()).toBe(0);
    const events = await auditEvents(async () => {
      expect(await refreshDue(vault, { actor: 'timer' })).toEqual({ ...dry, renewed: 2 });
    });
    expect(events).toHaveLength(2);
    expect(events[0]).toMatchObject({ action: 'refresh', actor: 'timer', outcome: 'ok' });
    expect(await Promise.all(['t0', 't1', 't2'].map(token))).toEqual(['t0+', 't1+', 't2']);
    expect(await refreshDue(vault)).toMatchObject({ due: 0, renewed: 0 });
    expect(await refreshDue(vault, { withinMs: 35 * MINUTE })).toMatchObject({
      due: 2,
      renewed: 2,
    });
    expect(await Promise.all(['t0', 't2', 't3', 't4'].map(token))).toEqual([
      't0+',
      't2+',
      't3+',
      't4',
    ]);
    expect((await store.list('t0')).map(({ provider }) => provider)).toEqual(['custom', 'google']);
  });

  it('lists what is not renewed, and goes on', async () => {
    const { vault, refused, store, token, exchanges } = await setUp();
    refused.add('t0');
    const broken = { tenantId: 't1', provider: 'google' };
    await store.delete(broken);
    await store.put({ ...broken, data: seal('{}', newKey()) }, null);
    const issues: unknown[] = [];
    const onIssue = (issue: unknown, list: string) => void issues.push([list, issue]);
    const report = await refreshDue(vault, { withinMs: 25 * MINUTE, onIssue });
    const failed = [
      { tenantId: 't0', provider: 'google', reason: 'ERR_REFRESH_FAILED' },
      { ...broken, reason: 'ERR_DECRYPTION_FAILED' },
    ];
    expect(report).toEqual({ scanned: 13, due: 2, renewed: 1, failedCount: 2, failed });
    expect(issues).toEqual(failed.map((issue) => ['failed', issue]));
    expect(await token('t2')).toBe('t2+');
    expect((await vault.status('t0', 'google')).health?.state).toBe('needs_reauthorization');
    // The health of t0 is a record, too, and none of those counted.
    expect(await refreshDue(vault)).toMatchObject({ scanned: 13, renewed: 0, failedCount: 2 });
    expect(exchanges()).toBe(2);
  });

  it('is shared by processes, and each credential is renewed once', async () => {
    const { vault, store, keys, google, exchanges } = await setUp();
    const other = new SecretsVault({ store, keys, providers: [google], now: () => START });
    const [one, two] = await Promise.all([
      refreshDue(vault, { withinMs: 60 * MINUTE }),
      refreshDue(other, { withinMs: 60 * MINUTE }),
    ]);
    expect(exchanges()).toBe(6);
    expect(one.failedCount + two.failedCount).toBe(0);
    const parts = [0, 1, 2].map((index) => refreshDue(vault, { part: { index, of: 3 } }));
    const scanned = (await Promise.all(parts)).map((report) => report.scanned);
    expect(scanned.reduce((sum, count) => sum + count)).toBe(13);
  });

  it('is stopped and goes on, and survives a store that fails for a moment', async () => {
    const { vault, faulty, exchanges } = await setUp();
    const withinMs = 60 * MINUTE;
    const controller = new AbortController();
    const stopped = await rejection(
      refreshDue(vault, {
        withinMs,
        batchSize: 2,
        concurrency: 1,
        signal: controller.signal,
        onProgress: ({ done }) => done >= 4 && controller.abort(),
      }),
    );
    expect(stopped).toMatchObject({ code: 'ERR_ABORTED', report: { due: expect.any(Number) } });
    const { after, report } = stopped as OperationError<{ renewed: number }>;
    expect(stopped).toBeInstanceOf(OperationError);
    for (const method of ['put', 'getMany', 'delete'] as const) faulty.fail(method, 'before');
    const rest = await refreshDue(vault, { withinMs, ...(after !== undefined && { after }) });
    expect(report.renewed + rest.renewed).toBe(6);
    expect(exchanges()).toBe(6);
  });

  it('counts as renewed only what was, and passes over what is deleted meanwhile', async () => {
    const { vault, store } = await setUp();
    const getMany = store.getMany.bind(store);
    store.getMany = async (refs, ...rest) => {
      const ref = refs.find(({ tenantId, provider }) => tenantId === 't0' && provider === 'google');
      if (refs.length === 2 && ref !== undefined) await store.delete(ref); // under the lease
      return getMany(refs, ...rest);
    };
    expect(await refreshDue(vault)).toMatchObject({ due: 2, renewed: 1, failedCount: 0 });
  });

  it('renews nothing more once it is aborted', async () => {
    const { vault, exchanges, token } = await setUp();
    const abort = new AbortController();
    const onProgress = () => abort.abort();
    const options = { signal: abort.signal, onProgress, batchSize: 1, concurrency: 1 };
    expect(await rejection(refreshDue(vault, { ...options, withinMs: 0 }))).toMatchObject({
      code: 'ERR_ABORTED',
    });
    expect(exchanges()).toBe(0); // the first record is none to be renewed
    expect(await token('t0')).toBe('t0');
  });

  it('ends with the renewal under way when it is aborted', async () => {
    const { vault, store, exchanges } = await setUp();
    const abort = new AbortController();
    const put = store.put.bind(store);
    store.put = async (record, expected) => {
      if (record.provider === 'google') abort.abort(); // what the provider gave is stored
      return put(record, expected);
    };
    const error = await rejection(refreshDue(vault, { signal: abort.signal })); // two are due
    expect(error).toMatchObject({ code: 'ERR_ABORTED' });
    expect(exchanges()).toBe(1);
  });

  it('does not count what turns out to be valid', async () => {
    const { vault, store, exchanges } = await setUp();
    const record = await store.get({ tenantId: 't5', provider: 'google' });
    const { expiresAt: _unknown, ...metadata } = record?.metadata ?? {};
    await store.delete({ tenantId: 't5', provider: 'google' });
    await store.put({ ...record, metadata } as SecretRecord, null);
    expect(await refreshDue(vault, { withinMs: 0 })).toMatchObject({ renewed: 1, failedCount: 0 });
    expect(exchanges()).toBe(1);
  });

  it('rejects options that are none', async () => {
    const { vault } = await setUp();
    for (const withinMs of [-1, Number.NaN, '5' as unknown as number]) {
      expect(await rejection(refreshDue(vault, { withinMs }))).toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
  });
});

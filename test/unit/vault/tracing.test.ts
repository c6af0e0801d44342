import { isVaultError, SecretsVault, TRACED_OPERATIONS, type TraceContext } from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { acmeMail, everyOperation, fullVault, SECRETS } from '../../support/every-operation.ts';
import { accountSid, memoryVault, rejection } from '../../support/fixtures.ts';
import { expectNone, textsIn } from '../../support/printed.ts';
import { ended, tracesOf } from '../../support/traces.ts';

const MEMBERS = [
  ...['operation', 'owner', 'tenantId', 'provider', 'wrapper', 'step', 'records', 'cached'],
  ...['health', 'errorType', 'error', 'result'],
];

describe('the tracing channels', () => {
  it('tell of every operation, by names and counts only', async () => {
    const parts = fullVault();
    const traces = await tracesOf(() => everyOperation(parts));
    const seen = new Set(traces.map(({ context }) => context.operation));
    expect([...seen].toSorted()).toEqual([...TRACED_OPERATIONS].toSorted());

    const stored: string[] = [];
    for await (const batch of parts.store.scan({})) stored.push(...batch.map(({ data }) => data));
    for await (const batch of parts.keyStore.scan({})) {
      stored.push(...batch.flatMap(({ keys }) => keys.map(({ wrapped }) => wrapped)));
    }
    expect(stored.length).toBeGreaterThan(2);
    for (const { context } of traces) {
      expect(MEMBERS).toEqual(expect.arrayContaining(Object.keys(context)));
      expect(context).toMatchObject({ owner: expect.any(Symbol) });
      expect((context as TraceContext & { result?: unknown }).result).toBeUndefined();
      expectNone([...SECRETS, ...stored], context);
      for (const text of textsIn(context)) expect(SECRETS).not.toContain(text);
    }
  });

  it('tell of each operation at its start and its end', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { token: 'x' });
    const traces = await tracesOf(() => vault.get('acme', 'custom'));
    expect(traces.map(({ event }) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(new Set(traces.map(({ context }) => context)).size).toBe(1);
    expect(traces[0]?.context).toMatchObject({
      operation: 'get',
      tenantId: 'acme',
      provider: 'custom',
    });
  });

  it('name the tenant, or all of them, of an operation on many records', async () => {
    const { vault } = memoryVault();
    const contexts = await ended(async () => {
      await vault.list('acme');
      await vault.getAllSecrets('acme');
      await vault.status('acme', undefined, { env: {} });
      await vault.findTenants('twilio', { accountSid: accountSid(1) });
    });
    expect(contexts).toMatchObject([
      { operation: 'list', tenantId: 'acme' },
      { operation: 'getMany', tenantId: 'acme' },
      { operation: 'status', tenantId: 'acme' },
      { operation: 'findTenants', tenantId: '*', provider: 'twilio' },
    ]);
  });

  it('give the caller what it gets without them', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { token: 'x' });
    let got: unknown;
    let missing: unknown;
    const contexts = await ended(async () => {
      got = (await vault.require('acme', 'custom')).token;
      missing = await rejection(vault.require('acme', 'none'));
    });
    expect(got).toBe('x');
    expect(isVaultError(missing, 'ERR_SECRET_NOT_FOUND')).toBe(true);
    expect(contexts[1]).toMatchObject({ errorType: 'ERR_SECRET_NOT_FOUND' });
    expect(contexts[1]?.error).toBe(missing);
  });

  it('show an error that is not of this library by its name', async () => {
    const { vault } = memoryVault({
      keys: {
        encryptionKey: () => {
          throw new TypeError('quotes s3cr3t-value');
        },
        decryptionKey: () => [],
      },
    });
    let error: unknown;
    const [context] = await ended(async () => {
      error = await rejection(vault.put('acme', 'custom', { token: 'x' }));
    });
    expect(error).toBeInstanceOf(TypeError);
    expect(context).toMatchObject({ errorType: 'TypeError' });
    expectNone(['s3cr3t-value'], context);
  });

  it('never repeat a malformed name', async () => {
    const { vault } = memoryVault();
    const contexts = await ended(async () => {
      await rejection(vault.get({ $gt: 's3cr3t' } as unknown as string, 'custom'));
      await rejection(vault.get('acme', 's3cr3t\n'));
      await rejection(vault.list('s3cr3t\n'));
    });
    expect(contexts.map(({ tenantId, provider }) => [tenantId, provider])).toEqual([
      ['(invalid)', 'custom'],
      ['acme', '(invalid)'],
      ['(invalid)', undefined],
    ]);
    expectNone(['s3cr3t'], contexts);
  });

  it('say what the cache had', async () => {
    const { vault } = memoryVault({ cache: { ttlMs: 60_000 } });
    await vault.put('acme', 'custom', { token: 'x' });
    const refs = [
      { tenantId: 'acme', provider: 'custom' },
      { tenantId: 'beta', provider: 'custom' },
    ];
    const contexts = await ended(async () => {
      await vault.get('acme', 'custom');
      await vault.get('acme', 'custom');
      await vault.getMany(refs);
      await vault.get('beta', 'custom'); // nothing
      await vault.put('acme', 'custom', { token: 'y' });
    });
    expect(contexts.map(({ records, cached }) => [records, cached])).toEqual([
      [1, 0],
      [1, 1],
      [2, 1],
      [1, 0],
      [undefined, undefined],
    ]);
    const [uncached] = await ended(() => memoryVault().vault.get('acme', 'custom'));
    expect(uncached).not.toHaveProperty('records');
  });

  it('name the owner: a vault, or the tenant keys', async () => {
    const [one, other] = [fullVault(), fullVault()];
    const contexts = await ended(async () => {
      await one.vault.put('acme', acmeMail, { token: 'x' });
      await one.vault.list('acme');
      await other.vault.list('acme');
    });
    const [wrap, put, list, others] = contexts.map(({ owner }) => owner);
    expect(contexts[0]).toMatchObject({ operation: 'wrapKey', wrapper: 'test-kms' });
    expect(put).toBe(list);
    expect(new Set([wrap, put, others]).size).toBe(3);
  });

  it('tell of an operation that failed because of the store', async () => {
    const { store, keys } = memoryVault();
    const faulty = new FaultyStore(store);
    const vault = new SecretsVault({ store: faulty.store, keys });
    faulty.fail('get', 'before');
    const traces = await tracesOf(() => rejection(vault.get('acme', 'custom')));
    expect(traces.map(({ event }) => event)).toEqual([
      ...['start', 'end', 'error', 'asyncStart', 'asyncEnd'],
    ]);
    expect(traces[2]?.context).toMatchObject({ errorType: 'ERR_STORE_UNAVAILABLE' });
  });
});

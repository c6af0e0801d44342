import {
  context,
  type Meter,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Histogram } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import {
  Keyring,
  MemoryKeyStore,
  MemorySecretStore,
  type SecretStore,
  SecretsVault,
  TenantKeys,
  TRACED_OPERATIONS,
  testConnection,
} from 'provider-vault';
import { instrument } from 'provider-vault/otel';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { TRACING_CHANNELS } from '../../../src/core/tracing.ts';
import { acmeMail, everyOperation, fullVault, SECRETS } from '../../support/every-operation.ts';
import { memoryVault, newKey, rejection } from '../../support/fixtures.ts';
import { expectNone } from '../../support/printed.ts';
import { telemetry } from '../../support/telemetry.ts';
import { TestKms } from '../../support/test-wrapper.ts';

const { tracer, meter, spans, points } = telemetry();

function instrumented(vault: SecretsVault): () => void {
  const stop = instrument(vault, { tracer, meter });
  onTestFinished(async () => {
    stop();
    spans();
    await points();
  });
  return stop;
}
const names = (all: readonly ReadableSpan[]) => all.map(({ name }) => name);
const find = (all: readonly ReadableSpan[], operation: string) =>
  all.find(({ name }) => name === `provider_vault.${operation}`) as ReadableSpan;
const parentOf = (span: ReadableSpan) => span.parentSpanContext?.spanId;

describe('spans', () => {
  it('there is one for every operation', async () => {
    const parts = fullVault();
    instrumented(parts.vault);
    await everyOperation(parts);
    const seen = new Set(names(spans()));
    expect([...seen].toSorted()).toEqual(
      TRACED_OPERATIONS.map((operation) => `provider_vault.${operation}`).toSorted(),
    );
  });

  it('are children of the caller’s, and parents of what is done within', async () => {
    const inner = new MemorySecretStore();
    const driver: SecretStore = {
      get: (ref) =>
        tracer.startActiveSpan('driver', async (span) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          span.end();
          return inner.get(ref);
        }),
      getMany: (refs) => inner.getMany(refs),
      list: (tenantId) => inner.list(tenantId),
      put: (record, expected) => inner.put(record, expected),
      putMany: (writes) => inner.putMany(writes),
      delete: (ref, expected) => inner.delete(ref, expected),
      scan: (query) => inner.scan(query),
    };
    const parts = fullVault({ store: driver });
    instrumented(parts.vault);
    await tracer.startActiveSpan('request', async (request) => {
      const both = ['acme', 'beta'].map((tenantId) =>
        tracer.startActiveSpan(tenantId, async (span) => {
          await parts.vault.put(tenantId, acmeMail, { token: 'x' });
          expect(trace.getSpan(context.active())).toBe(span); // as before
          span.end();
        }),
      );
      await Promise.all(both);
      request.end();
    });
    const all = spans();
    for (const tenantId of ['acme', 'beta']) {
      const caller = all.find(({ name }) => name === tenantId) as ReadableSpan;
      const own = all.filter((span) => span.spanContext().traceId === caller.spanContext().traceId);
      const put = own.find(
        ({ name, attributes }) =>
          name === 'provider_vault.put' && attributes['provider_vault.tenant'] === tenantId,
      ) as ReadableSpan;
      expect(parentOf(put)).toBe(caller.spanContext().spanId);
      const within = own.filter((span) => parentOf(span) === put.spanContext().spanId);
      expect(names(within)).toEqual(['driver', 'provider_vault.wrapKey']);
    }
  });

  it('name the tenant, the provider and the kind, and hold no secret', async () => {
    const parts = fullVault();
    instrumented(parts.vault);
    await everyOperation(parts);
    const all = spans();
    expect(find(all, 'put')).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'provider_vault.operation': 'put',
        'provider_vault.tenant': 'acme',
        'provider_vault.provider': 'acmeMail',
      },
    });
    expect(find(all, 'wrapKey')).toMatchObject({
      kind: SpanKind.CLIENT,
      attributes: { 'provider_vault.kms.wrapper': 'test-kms' },
    });
    const steps = all.map(({ attributes }) => attributes['provider_vault.rotation.step']);
    expect(steps).toEqual(expect.arrayContaining(['create', 'works', 'finish']));
    const seen = all.map(({ name, attributes, status, events }) => [
      ...[name, attributes, status, events],
    ]);
    expectNone(SECRETS, seen);
  });

  it('of a failure have its code and its message', async () => {
    const { vault } = memoryVault();
    instrumented(vault);
    const error = (await rejection(vault.require('acme', 'custom'))) as Error;
    const [span] = spans();
    expect(span).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: error.message },
      attributes: { 'error.type': 'ERR_SECRET_NOT_FOUND' },
    });
  });

  it('of a connection that does not work have its reason', async () => {
    const { vault } = fullVault();
    instrumented(vault);
    await vault.put('acme', acmeMail, { token: SECRETS[3] });
    await testConnection(vault, { tenantId: 'acme', provider: acmeMail });
    expect(find(spans(), 'testConnection')).toMatchObject({
      status: { code: SpanStatusCode.UNSET },
      attributes: { 'error.type': 'wrong_credentials' },
    });
  });
});

describe('metrics', () => {
  it('are durations in seconds, by operation and provider, never by tenant', async () => {
    const parts = fullVault();
    instrumented(parts.vault);
    await everyOperation(parts);
    const all = await points();
    const operations = new Set(
      all
        .filter(({ name }) => name === 'provider_vault.operation.duration')
        .map(({ attributes }) => attributes['provider_vault.operation']),
    );
    expect([...operations].toSorted()).toEqual([...TRACED_OPERATIONS].toSorted());
    const get = all.filter(
      ({ name, attributes }) =>
        name === 'provider_vault.operation.duration' &&
        attributes['provider_vault.operation'] === 'fresh',
    );
    expect(get).toMatchObject([
      { unit: 's', attributes: { 'provider_vault.provider': 'acmeMail' }, count: 1 },
    ]);
    expect(get[0]?.value).toSatisfy(({ sum = 0 }: Histogram) => sum > 0 && sum < 10);
    expectNone(
      ['acme"', "'acme'", 'beta', ...SECRETS],
      all.map(({ attributes }) => attributes),
    );
  });

  it('tell of cache hits and misses, renewals, KMS calls and health', async () => {
    const { vault } = fullVault();
    instrumented(vault);
    const expiresAt = new Date(0).toISOString();
    await vault.put('acme', acmeMail, { token: SECRETS[3], expiresAt });
    await testConnection(vault, { tenantId: 'acme', provider: acmeMail }); // renews it
    await vault.put('acme', acmeMail, { token: SECRETS[3], expiresAt: '' });
    await testConnection(vault, { tenantId: 'acme', provider: acmeMail });
    await vault.get('acme', acmeMail);
    await vault.get('acme', acmeMail);
    const all = await points();
    const countOf = (metric: string, attributes: object) =>
      all
        .filter(({ name }) => name === metric)
        .filter((point) =>
          Object.entries(attributes).every(([key, value]) => point.attributes[key] === value),
        )
        .reduce((sum, { count }) => sum + count, 0);
    const cache = 'provider_vault.cache.lookups';
    const result = 'provider_vault.cache.result';
    expect(countOf(cache, { [result]: 'hit' })).toBeGreaterThanOrEqual(1);
    expect(countOf(cache, { [result]: 'miss' })).toBeGreaterThanOrEqual(1);
    const duration = 'provider_vault.operation.duration';
    const operation = 'provider_vault.operation';
    expect(countOf(duration, { [operation]: 'refresh' })).toBe(1);
    expect(countOf(duration, { [operation]: 'wrapKey' })).toBe(1);
    expect(
      countOf('provider_vault.health.changes', {
        'provider_vault.provider': 'acmeMail',
        'provider_vault.health.state': 'failing',
      }),
    ).toBe(1);
  });

  it('have the code of a failure, and one name for providers without a definition', async () => {
    const { vault } = memoryVault();
    instrumented(vault);
    for (const name of ['a', 'b', 'c']) await rejection(vault.require('acme', name));
    expect(await points()).toMatchObject([
      {
        count: 3,
        attributes: {
          'provider_vault.operation': 'get',
          'provider_vault.provider': '_OTHER',
          'error.type': 'ERR_SECRET_NOT_FOUND',
        },
      },
    ]);
  });
});

describe('instrument', () => {
  it('sees its own vault only, and the calls of its own tenant keys', async () => {
    const [own, other] = [fullVault(), fullVault()];
    instrumented(own.vault);
    await other.vault.put('acme', acmeMail, { token: 'x' });
    expect(spans()).toEqual([]);
    await own.vault.put('acme', acmeMail, { token: 'x' });
    expect(names(spans())).toEqual(['provider_vault.wrapKey', 'provider_vault.put']);
    const all = await points();
    expect(all.map(({ count }) => count)).toEqual([1, 1]);
  });

  it('of two vaults gives each operation one span', async () => {
    const [a, b] = [memoryVault().vault, memoryVault().vault];
    instrumented(a);
    instrumented(b);
    await a.list('one');
    await b.list('two');
    expect(spans().map(({ attributes }) => attributes['provider_vault.tenant'])).toEqual([
      'one',
      'two',
    ]);
  });

  it('of vaults that share their tenant keys tells of each call of the KMS once', async () => {
    const keys = new TenantKeys({ wrapper: new TestKms(), store: new MemoryKeyStore() });
    const vaults = [1, 2].map(() => new SecretsVault({ store: new MemorySecretStore(), keys }));
    vaults.forEach(instrumented);
    for (const [n, vault] of vaults.entries()) await vault.put(`t${n}`, 'custom', { token: 'x' });
    expect(names(spans()).filter((name) => name.endsWith('wrapKey'))).toHaveLength(2);
    const durations = (await points()).filter(
      ({ attributes }) => attributes['provider_vault.operation'] === 'wrapKey',
    );
    expect(durations).toMatchObject([{ count: 2 }]);
  });

  it('does not end the process when the tracer or the meter throws', async () => {
    const fail = () => {
      throw new Error('of the SDK');
    };
    const { vault } = memoryVault();
    const broken = [
      { tracer: { startSpan: fail } as unknown as Tracer, meter },
      {
        tracer,
        meter: {
          createHistogram: () => ({ record: fail }),
          createCounter: () => ({ add: fail }),
        } as unknown as Meter,
      },
    ];
    const uncaught = vi.fn();
    const earlier = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', uncaught);
    try {
      for (const options of broken) {
        const stop = instrument(vault, options);
        await vault.put('acme', 'custom', { token: 'x' });
        stop();
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    } finally {
      process.removeAllListeners('uncaughtException');
      for (const listener of earlier) process.on('uncaughtException', listener);
    }
    expect(uncaught).not.toHaveBeenCalled();
    for (const channel of Object.values(TRACING_CHANNELS)) {
      expect(channel.hasSubscribers).toBe(false);
    }
  });

  it('ends, and leaves nobody listening; what is under way then is still told', async () => {
    let go: (() => void) | undefined;
    const store = new MemorySecretStore();
    const slow: SecretStore = Object.assign(Object.create(store), {
      get: () => new Promise<void>((resolve) => (go = resolve)).then(() => undefined),
    });
    const vault = new SecretsVault({ store: slow, keys: new Keyring({ encryptionKey: newKey() }) });
    const stop = instrumented(vault);
    const waiting = vault.get('acme', 'custom');
    await vi.waitFor(() => expect(go).toBeDefined(), 20_000);
    stop();
    expect(spans()).toEqual([]);
    go?.();
    await waiting;
    expect(names(spans())).toEqual(['provider_vault.get']);
    await vault.list('acme').catch(() => {});
    expect(spans()).toEqual([]);
    for (const channel of Object.values(TRACING_CHANNELS)) {
      expect(channel.hasSubscribers).toBe(false);
    }
  });

  it('sees a vault of another copy of the package', async () => {
    vi.resetModules();
    const copy = await import('provider-vault');
    expect(copy.SecretsVault).not.toBe(SecretsVault);
    const vault = new copy.SecretsVault({
      store: new copy.MemorySecretStore(),
      keys: new copy.Keyring({ encryptionKey: newKey() }),
    });
    instrumented(vault as unknown as SecretsVault);
    await vault.put('acme', 'custom', { token: 'x' });
    expect(names(spans())).toEqual(['provider_vault.put']);
  });

  it('rejects anything but a vault', () => {
    expect(() => instrument({} as unknown as SecretsVault)).toThrow('SecretsVault');
  });
});

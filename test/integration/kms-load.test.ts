import {
  MemoryKeyStore,
  MemorySecretStore,
  type SecretRecord,
  SecretsVault,
  TenantKeys,
} from 'provider-vault';
import { vaultTransit } from 'provider-vault/kms';
import { afterAll, describe, expect, it } from 'vitest';
import { faultyProxy } from '../support/faulty-proxy.ts';
import { rejection } from '../support/fixtures.ts';
import { startVault } from '../support/openbao.ts';

// What a KMS is asked when many tenants use the vault, counted on the wire.

const server = await startVault();
const proxy = await faultyProxy(server.address);
afterAll(async () => {
  await proxy.close();
  await server.stop();
});
await server.api('POST', 'transit/keys/load', { derived: true });
const wrapper = vaultTransit({ address: proxy.url, token: server.rootToken, key: 'load' });

const TENANTS = Array.from({ length: 1_000 }, (_, n) => `tenant-${n}`);
const keyStore = new MemoryKeyStore();
const store = new MemorySecretStore();
const newVault = (ttlMs = 300_000) =>
  new SecretsVault({
    store,
    keys: new TenantKeys({ wrapper, store: keyStore, cache: { ttlMs } }),
  });

/** Calls `use` for all of them, 20 at a time: a busy machine must not look like a slow KMS. */
async function forAll<T>(items: readonly T[], use: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await use(item);
  };
  await Promise.all(Array.from({ length: 20 }, work));
}

async function callsOf(operate: () => Promise<unknown>): Promise<Record<string, number>> {
  proxy.requests.length = 0;
  await operate();
  const calls: Record<string, number> = {};
  for (const path of proxy.requests) {
    const operation = path.split('/')[3] ?? '';
    calls[operation] = (calls[operation] ?? 0) + 1;
  }
  return calls;
}

async function sealedTexts(): Promise<string[]> {
  const records: SecretRecord[] = [];
  for await (const batch of store.scan({})) records.push(...batch);
  return records.map(({ data }) => data);
}

describe('1,000 tenants over a Transit engine', () => {
  const vault = newVault();

  it('ask for one wrap each at their first put, and for nothing with ten more providers', async () => {
    const put = (provider: string) => () =>
      forAll(TENANTS, (tenant) => vault.put(tenant, provider, { apiKey: tenant }));
    expect(await callsOf(put('provider0'))).toEqual({ encrypt: 1_000 });
    expect(
      await callsOf(async () => {
        for (let n = 1; n <= 10; n++) await put(`provider${n}`)();
      }),
    ).toEqual({});
  });

  it('ask for one unwrap each when they are read cold by 8 callers, and for nothing warm', async () => {
    const cold = newVault();
    const read = (tenant: string) => cold.require(tenant, 'provider0');
    const readBy8 = () =>
      forAll(TENANTS, (tenant) => Promise.all(Array.from({ length: 8 }, () => read(tenant))));
    expect(await callsOf(readBy8)).toEqual({ decrypt: 1_000 });
    const warm = async () => {
      for (let n = 0; n < 20; n++) await forAll(TENANTS, read);
    };
    expect(await callsOf(warm)).toEqual({});
  });

  it('are wrapped anew in ten batches, and no record is touched', async () => {
    await server.api('POST', 'transit/keys/load/rotate');
    const before = await sealedTexts();
    const keys = new TenantKeys({ wrapper, store: keyStore });
    let report = {};
    const rewrap = async () => {
      report = await keys.rewrap();
    };
    expect(await callsOf(rewrap)).toEqual({ rewrap: 10 });
    expect(report).toMatchObject({ scanned: 1_000, rewrapped: 1_000, failedCount: 0 });
    expect(await sealedTexts()).toEqual(before);
    await server.api('POST', 'transit/keys/load/config', { min_decryption_version: 2 });
    await forAll(TENANTS, (tenant) => newVault().require(tenant, 'provider0'));
  });

  it('are served from memory while the KMS is away, to the end of the time', async () => {
    const ttlMs = 4_000;
    const vault = newVault(ttlMs);
    const known = TENANTS.slice(0, 20);
    for (const tenant of known) await vault.require(tenant, 'provider0');
    const start = performance.now();
    proxy.failNext({ drop: true }, 100_000);
    try {
      await forAll(known, (tenant) => vault.put(tenant, 'provider0', { apiKey: 'new' }));
      const [unknown, first] = await Promise.all([
        rejection(vault.require('tenant-500', 'provider0')),
        rejection(vault.put('a new tenant', 'provider0', { apiKey: 'x' })),
      ]);
      const away = { code: 'ERR_KEY_UNAVAILABLE' };
      expect(unknown).toMatchObject(away);
      expect(first).toMatchObject(away);
      expect(await store.get({ tenantId: 'a new tenant', provider: 'provider0' })).toBeUndefined();
      await new Promise((done) => setTimeout(done, ttlMs - (performance.now() - start) + 500));
      const asked = performance.now();
      expect(await rejection(vault.require('tenant-0', 'provider0'))).toMatchObject(away);
      expect(performance.now() - asked).toBeLessThan(10_000);
    } finally {
      proxy.heal();
    }
    expect((await vault.require('tenant-0', 'provider0')).reveal()).toEqual({ apiKey: 'new' });
    await vault.put('a new tenant', 'provider0', { apiKey: 'x' });
  });
});

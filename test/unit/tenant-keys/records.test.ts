import { setTimeout } from 'node:timers/promises';
import {
  eraseTenant,
  Keyring,
  OperationError,
  renewKeys,
  rotateKeys,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { newKey, rejection } from '../../support/fixtures.ts';
import { entryOf, tenantVault } from '../../support/tenant-keys.ts';
import { TestKms } from '../../support/test-wrapper.ts';

const TENANTS = Array.from({ length: 12 }, (_, n) => `tenant-${n}`);

/** Records that a keyring sealed, and a vault that is to move them to tenant keys. */
async function movingIn() {
  const keyring = new Keyring({ encryptionKey: newKey() });
  const all = tenantVault({ keyring });
  const before = new SecretsVault({ store: all.store, keys: keyring });
  for (const tenant of TENANTS) {
    await before.put(tenant, 'custom', { of: tenant });
    await before.put(tenant, 'custom', { of: tenant, again: 'yes' });
  }
  return { ...all, keyring, before, oldId: keyring.encryptionKeyId };
}

it('a keyring alone says that a tenant key is needed', async () => {
  const { vault, store } = tenantVault();
  await vault.put('acme', 'custom', { a: '1' });
  const alone = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
  expect(await rejection(alone.get('acme', 'custom'))).toMatchObject({
    code: 'ERR_KEY_UNKNOWN',
    message: expect.stringMatching(/key t1-[0-9a-f]{8}, .* TenantKeys/),
  });
});

describe('rotateKeys', () => {
  it('moves from a keyring to tenant keys; a dry run makes no key, and tells the same', async () => {
    const { vault, keyStore, kms, oldId, open, keyring } = await movingIn();
    const dry = await rotateKeys(vault, { dryRun: true });
    expect(dry).toMatchObject({ scanned: 12, rotated: 12, historyRotated: 12, remaining: 12 });
    expect(dry.keys).toEqual({ [oldId]: 12 });
    expect(dry).not.toHaveProperty('encryptionKeyId'); // no key seals everything
    expect(kms.total).toBe(0);
    expect(await keyStore.get('tenant-0')).toBeUndefined();

    const verified = await verifyVault(vault);
    expect(verified.droppableKeys).toEqual([]);
    expect(verified.keys[oldId]?.ok).toBe(12);
    const early = open({ seal: 'keyring' }).vault;
    expect((await verifyVault(early)).droppableKeys).toEqual([]);

    expect(await rotateKeys(vault, { batchSize: 5 })).toMatchObject({
      rotated: 12,
      historyRotated: 12,
      remaining: 0,
    });
    expect(await rotateKeys(vault)).toMatchObject({ rotated: 0, upToDate: 12, keys: { t1: 12 } });
    const after = await verifyVault(vault);
    expect(after).toMatchObject({ ok: 12, problemCount: 0, keys: { t1: { ok: 12 } } });
    expect(after.historyKeys).toEqual({ t1: 12 });
    expect(after.seals).toEqual({ t1: 3 });
    expect(after.droppableKeys).toEqual([oldId]);
    // While this process would seal with the keyring, its key must stay.
    expect((await verifyVault(open({ seal: 'keyring' }).vault)).droppableKeys).toEqual([]);
    const without = open({ keyring: undefined as never }).vault;
    expect((await without.require('tenant-3', 'custom')).of).toBe('tenant-3');
    expect(keyring.keyIds).toEqual([oldId]);
  });

  it('does not call a key droppable that wraps tenant keys, until they are wrapped by another', async () => {
    const { open, keyring, oldId } = await movingIn();
    const wrapper = localWrapper(keyring);
    const { vault } = open({ wrapper });
    await rotateKeys(vault);
    expect(await verifyVault(vault)).toMatchObject({ keys: { t1: { ok: 12 } }, droppableKeys: [] });
    const next = open({ wrapper: new TestKms('new-kms'), previousWrappers: [wrapper] });
    expect((await verifyVault(next.vault)).droppableKeys).toEqual([]);
    await next.keys.rewrap();
    expect((await verifyVault(next.vault)).droppableKeys).toEqual([oldId]);
  });

  it('moves back', async () => {
    const { vault, open, before, oldId } = await movingIn();
    await rotateKeys(vault);
    const back = open({ seal: 'keyring' }).vault;
    const report = await rotateKeys(back);
    expect(report).toMatchObject({ rotated: 12, remaining: 0, encryptionKeyId: oldId });
    for (const tenant of TENANTS) {
      expect((await before.require(tenant, 'custom')).of).toBe(tenant);
      expect(await before.history(tenant, 'custom')).toHaveLength(1);
    }
  });

  it('seals with a key that another process renewed, whatever this one remembers', async () => {
    const { vault, open } = await movingIn();
    await rotateKeys(vault);
    await open().keys.renew('tenant-1');
    expect(await rotateKeys(vault)).toMatchObject({ rotated: 1, upToDate: 11 });
    expect((await vault.require('tenant-1', 'custom')).meta.keyId).toMatch(/^t2-/);
  });

  it.each([
    ['rotateKeys', rotateKeys],
    ['verifyVault', verifyVault],
  ])('%s ends with ERR_KEY_UNAVAILABLE and a place while the KMS is down', async (_, operation) => {
    const { vault, open, kms } = await movingIn();
    await rotateKeys(vault);
    const { vault: cold } = open();
    const onProgress = ({ done }: { done: number }) => {
      if (done >= 4) kms.state = 'down';
    };
    const error = await rejection(operation(cold, { batchSize: 2, concurrency: 1, onProgress }));
    expect(error).toBeInstanceOf(OperationError);
    expect(error).toMatchObject({ code: 'ERR_KEY_UNAVAILABLE', after: expect.any(String) });
    const { report, after } = error as OperationError<{ scanned: number; failedCount?: number }>;
    expect(report).not.toMatchObject({ failedCount: 1 });
    expect(report).not.toMatchObject({ malformed: 1 });
    kms.state = 'up';
    const rest = await operation(cold, { after: after as string });
    expect(rest.scanned).toBeLessThanOrEqual(8);
    expect(rest.scanned + report.scanned).toBeGreaterThanOrEqual(12);
  });
});

describe('renewKeys', () => {
  it('gives every tenant a fresh key, seals anew, and renews none twice', async () => {
    const { vault, keyStore } = await movingIn();
    await rotateKeys(vault);
    const before = new Date();
    await setTimeout(2);
    const dry = await renewKeys(vault, { dryRun: true });
    expect(dry).toEqual({ scanned: 12, renewed: 12, upToDate: 0, failedCount: 0, failed: [] });
    expect(await renewKeys(vault, { before })).toMatchObject({
      scanned: 12,
      renewed: 12,
      rotation: { rotated: 12, remaining: 0, keys: { t1: 12 } },
    });
    expect(await renewKeys(vault, { before })).toMatchObject({
      renewed: 0,
      upToDate: 12,
      rotation: { rotated: 0, keys: { t2: 12 } },
    });
    expect((await entryOf(keyStore, 'tenant-5')).keys.map(({ number }) => number)).toEqual([1, 2]);
    expect(await verifyVault(vault)).toMatchObject({ ok: 12, problemCount: 0 });
  });

  it('renews what was made until `before`, to the millisecond, and nobody who was erased', async () => {
    const { vault, keyStore } = tenantVault();
    for (const tenant of ['a', 'b', 'gone', 'odd']) await vault.put(tenant, 'custom', { a: 'b' });
    await eraseTenant(vault, 'gone');
    const made = async (tenant: string, createdAt: Date) => {
      const entry = await entryOf(keyStore, tenant);
      const keys = entry.keys.map((key) => ({ ...key, createdAt }));
      await keyStore.put({ ...entry, keys, etag: 'AAAABBBBCCCCDDDD' }, entry.etag);
    };
    const before = new Date(1_700_000_000_000);
    await made('a', before);
    await made('b', new Date(before.getTime() + 1));
    const odd = await entryOf(keyStore, 'odd');
    await keyStore.put({ ...odd, current: 'many' as never, etag: 'AAAABBBBCCCCDDDD' }, odd.etag);
    const expected = {
      scanned: 4,
      renewed: 1,
      upToDate: 2,
      failedCount: 1,
      failed: [{ tenantId: 'odd', provider: undefined, reason: 'ERR_KEY_INVALID' }],
    };
    expect(await renewKeys(vault, { before, dryRun: true })).toEqual(expected);
    expect((await entryOf(keyStore, 'a')).current).toBe(1);
    const { rotation, ...report } = await renewKeys(vault, { before });
    expect(report).toEqual(expected);
    expect(rotation).toMatchObject({ scanned: 3, rotated: 1, upToDate: 1, failedCount: 1 });
    expect((await entryOf(keyStore, 'a')).current).toBe(2);
    expect((await entryOf(keyStore, 'b')).current).toBe(1);
  });

  it('leaves a tenant that is erased meanwhile', async () => {
    const { vault, keyStore } = tenantVault();
    await vault.put('gone', 'custom', { a: 'b' });
    const scan = keyStore.scan.bind(keyStore);
    keyStore.scan = async function* (query) {
      for await (const batch of scan(query)) {
        await eraseTenant(vault, 'gone');
        yield batch;
      }
    };
    const report = await renewKeys(vault);
    expect(report).toMatchObject({ scanned: 1, renewed: 0, upToDate: 1, failedCount: 0 });
    expect((await entryOf(keyStore, 'gone')).keys).toEqual([]);
  });

  it('says what it did where the records cannot be sealed anew, and goes on with those', async () => {
    const { store, open } = tenantVault();
    const { vault } = open();
    for (const tenant of ['a', 'b', 'c']) await vault.put(tenant, 'custom', { a: 'b' });
    await setTimeout(2);
    const faulty = new FaultyStore(store);
    const { keys } = open();
    const broken = new SecretsVault({ store: faulty.store, keys });
    for (const nth of [1, 2]) faulty.fail('scan', 'before', nth);
    const error = await rejection(renewKeys(broken, { batchSize: 1, concurrency: 1 }));
    expect(error).toBeInstanceOf(OperationError);
    const { after, report, code } = error as OperationError;
    expect(code).toBe('ERR_STORE_UNAVAILABLE');
    expect(report).toMatchObject({ scanned: 3, renewed: 3, rotation: { rotated: 0 } });
    expect(after).toBe('records:');
    expect(await renewKeys(vault, { after: after as string })).toMatchObject({
      scanned: 0,
      renewed: 0,
      rotation: { scanned: 3, rotated: 3 },
    });
  });

  it('goes on where it was aborted, in the keys and in the records', async () => {
    const { vault, keyStore } = await movingIn();
    await rotateKeys(vault);
    const before = new Date();
    await setTimeout(2);
    let place: { after?: string } = {};
    let aborted = 0;
    for (let run = 0; run < 20; run++) {
      const stop = new AbortController();
      const onProgress = ({ done }: { done: number }) => done >= 4 && stop.abort();
      const options = { before, batchSize: 2, concurrency: 1, signal: stop.signal, ...place };
      const outcome = await renewKeys(vault, { ...options, onProgress }).catch((error) => error);
      if (!(outcome instanceof OperationError)) break;
      aborted++;
      place = outcome.after === undefined ? {} : { after: outcome.after };
    }
    expect(aborted).toBeGreaterThan(3);
    for (const tenant of TENANTS) {
      expect((await entryOf(keyStore, tenant)).current).toBe(2);
      expect((await vault.require(tenant, 'custom')).meta.keyId).toMatch(/^t2-/);
    }
  });

  it('shares the work by ranges, also where one ends between the records of a tenant', async () => {
    const { vault, store, keyStore, open } = await movingIn();
    for (const tenant of TENANTS) await vault.put(tenant, 'zebra', { of: tenant });
    await rotateKeys(vault);
    const before = new Date();
    await setTimeout(2);
    const ranges = await store.split(5);
    expect(ranges.some(({ until }) => until?.provider === 'custom')).toBe(true);
    // Each in a process of its own, and the last range first.
    const reports = [];
    for (const range of ranges.reverse()) {
      reports.push(await renewKeys(open().vault, { before, range }));
    }
    expect(reports.reduce((sum, { renewed }) => sum + renewed, 0)).toBe(12);
    const scanned = reports.map(({ rotation }) => rotation?.scanned ?? 0);
    expect(scanned.reduce((sum, count) => sum + count, 0)).toBe(24); // each record once
    for (const tenant of TENANTS) {
      expect((await entryOf(keyStore, tenant)).current).toBe(2);
      for (const provider of ['custom', 'zebra']) {
        expect((await vault.require(tenant, provider)).meta.keyId).toMatch(/^t2-/);
      }
    }
  });

  it('is refused where nothing is sealed with tenant keys', async () => {
    const { open, before, store, keyring } = await movingIn();
    const bare = {
      encryptionKey: () => keyring.encryptionKey(),
      decryptionKey: (id?: string) => keyring.decryptionKey(id),
    };
    const others = [before, open({ seal: 'keyring' }).vault];
    for (const vault of [...others, new SecretsVault({ store, keys: bare })]) {
      await expect(renewKeys(vault)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    }
    const { vault } = open();
    for (const odd of [
      { before: '2024' },
      { range: { until: 'a' } },
      { after: 'x' },
      { after: 'records:x' },
    ]) {
      await expect(renewKeys(vault, odd as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
  });
});

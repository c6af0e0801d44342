import {
  type AuditEvent,
  eraseTenant,
  type KeyEntry,
  Keyring,
  type MemorySecretStore,
  migrateFromSettings,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  type SettingsSource,
  verifyVault,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { auditEvents, memoryVault, newKey, rejection } from '../../support/fixtures.ts';
import { settingsRows } from '../../support/settings-rows.ts';
import { entryOf, fakeClock, tenantVault } from '../../support/tenant-keys.ts';

const erased = { code: 'ERR_KEY_ERASED' };

async function recordsOf(store: MemorySecretStore, tenantId = 'acme'): Promise<SecretRecord[]> {
  return store.list(tenantId);
}

async function filled(options: Parameters<typeof tenantVault>[0] = {}) {
  const all = tenantVault(options);
  for (const tenant of ['acme', 'other']) {
    await all.vault.put(tenant, 'custom', { token: 'one' });
    await all.vault.put(tenant, 'custom', { token: 'two' });
    await all.vault.put(tenant, 'twilio', { accountSid: `AC${'0'.repeat(32)}` });
    // What this library keeps for itself [R8].
    const record = (await all.store.get({ tenantId: tenant, provider: 'custom' })) as SecretRecord;
    await all.store.put({ ...record, provider: '$lease' }, null);
  }
  return all;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('eraseTenant', () => {
  it('sets the tombstone, removes all records and then the keys, and says so', async () => {
    const { vault, store, keyStore, open } = await filled();
    const warm = open();
    await warm.vault.require('acme', 'custom');
    const backup = await recordsOf(store);
    const others = await recordsOf(store, 'other');

    const at = Date.now();
    expect(await eraseTenant(vault, 'acme', { actor: 'ann' })).toStrictEqual({
      tenantId: 'acme',
      records: 2,
      providers: ['custom', 'twilio'],
      keys: 1,
    });
    expect(await recordsOf(store)).toEqual([]);
    const entry = await entryOf(keyStore);
    expect(entry).toMatchObject({ current: 1, keys: [], erased: { through: 1 } });
    expect(entry.erased?.at.getTime()).toBeGreaterThanOrEqual(at);
    expect(await recordsOf(store, 'other')).toEqual(others);
    expect((await vault.require('other', 'custom')).token).toBe('two');

    // Nothing is there, nothing can be written, and a backup opens nothing.
    expect(await vault.get('acme', 'custom')).toBeUndefined();
    await expect(vault.put('acme', 'custom', { token: 'new' })).rejects.toMatchObject(erased);
    for (const record of backup) await store.put(record, null);
    const cold = open();
    for (const { vault: one } of [{ vault }, cold]) {
      await expect(one.get('acme', 'custom')).rejects.toMatchObject(erased);
      await expect(one.patch('acme', 'custom', { a: 'b' })).rejects.toMatchObject(erased);
      expect(await one.status('acme', 'custom')).toMatchObject({
        state: 'unreadable',
        reason: 'ERR_KEY_ERASED',
      });
    }
    const verified = await verifyVault(vault);
    expect(verified).toMatchObject({ scanned: 4, ok: 2, unknownKey: 2, malformed: 0 });
    expect(await rotateKeys(vault)).toMatchObject({ failedCount: 2, upToDate: 2 });

    // A second run removes what came in between.
    expect(await eraseTenant(cold.vault, 'acme')).toMatchObject({ records: 2, keys: 0 });
    expect(await recordsOf(store)).toEqual([]);
  });

  it('lets the tenant write again after renew, whose number goes on; what was erased stays closed', async () => {
    const { vault, keys, store, keyStore, open } = await filled();
    const backup = await recordsOf(store);
    await eraseTenant(vault, 'acme');
    expect(await keys.renew('acme')).toMatch(/^t2-/);
    expect((await vault.put('acme', 'custom', { token: 'new' })).keyId).toMatch(/^t2-/);
    expect((await open().vault.require('acme', 'custom')).token).toBe('new');
    const old = backup.find(({ provider }) => provider === 'twilio') as SecretRecord;
    await store.put(old, null);
    await expect(vault.get('acme', 'twilio')).rejects.toMatchObject(erased);

    await eraseTenant(vault, 'acme');
    expect(await entryOf(keyStore)).toMatchObject({ current: 2, keys: [], erased: { through: 2 } });
    expect(await keys.renew('acme')).toMatch(/^t3-/);
  });

  it('keeps a tenant from coming into being that never had a key', async () => {
    const { vault, keyStore, keys } = tenantVault();
    expect(await eraseTenant(vault, 'never')).toMatchObject({ records: 0, keys: 0 });
    await expect(vault.put('never', 'custom', { a: 'b' })).rejects.toMatchObject(erased);
    expect(await entryOf(keyStore, 'never')).toMatchObject({ current: 0, erased: { through: 0 } });
    expect(await keys.renew('never')).toMatch(/^t1-/);
    expect((await vault.put('never', 'custom', { a: 'b' })).keyId).toMatch(/^t1-/);
  });

  it('is noticed by another process within ttlMs; what it sealed until then cannot be opened', async () => {
    const { vault, open, store } = await filled();
    const passTime = fakeClock();
    const other = open().vault;
    await other.require('acme', 'custom');
    await eraseTenant(vault, 'acme');
    const late = await other.put('acme', 'late', { token: 'late' });
    expect(late.keyId).toMatch(/^t1-/);
    passTime(301_000);
    await expect(other.put('acme', 'later', { token: 'x' })).rejects.toMatchObject(erased);
    await expect(other.get('acme', 'late')).rejects.toMatchObject(erased);
    expect(await eraseTenant(vault, 'acme')).toMatchObject({ records: 1, providers: ['late'] });
    expect(await recordsOf(store)).toEqual([]);
  });

  it('holds also while the keyring seals; what that sealed stays readable to its holder', async () => {
    const keyring = new Keyring({ encryptionKey: newKey() });
    const { store, open } = tenantVault({ keyring });
    const { vault } = open({ seal: 'keyring' });
    await vault.put('acme', 'custom', { token: 'one' });
    const backup = await recordsOf(store);
    expect(await eraseTenant(vault, 'acme')).toMatchObject({ records: 1, keys: 0 });
    await expect(vault.put('acme', 'custom', { token: 'x' })).rejects.toMatchObject(erased);
    await expect(
      open({ seal: 'keyring' }).vault.put('acme', 'b', { c: 'd' }),
    ).rejects.toMatchObject(erased);
    await store.put(backup[0] as SecretRecord, null);
    const holder = new SecretsVault({ store, keys: keyring });
    expect((await holder.require('acme', 'custom')).token).toBe('one');
  });

  it('can be run again after a failure at any of its steps', async () => {
    for (const method of ['list', 'delete'] as const) {
      for (const fault of ['before', 'after'] as const) {
        const { keyStore, store, vault, keys, open } = await filled();
        const faulty = new FaultyStore(store);
        const broken = new SecretsVault({ store: faulty.store, keys });
        faulty.fail(method, fault);
        await expect(eraseTenant(broken, 'acme')).rejects.toMatchObject({
          code: 'ERR_STORE_UNAVAILABLE',
        });
        for (const one of [vault, open().vault]) {
          await expect(one.put('acme', 'custom', { a: 'b' })).rejects.toMatchObject(erased);
        }
        expect((await entryOf(keyStore)).keys).toHaveLength(1); // last of all
        expect((await eraseTenant(broken, 'acme')).keys).toBe(1);
        expect(await recordsOf(store)).toEqual([]);
      }
    }
  });

  it('must be run again after the key store was restored', async () => {
    const { vault, keyStore, store, open } = await filled();
    const [entry, backup] = [await entryOf(keyStore), await recordsOf(store)];
    await eraseTenant(vault, 'acme');
    await keyStore.put(entry, (await entryOf(keyStore)).etag);
    for (const record of backup) await store.put(record, null);
    const cold = open().vault;
    expect((await cold.require('acme', 'custom')).token).toBe('two');
    expect(await eraseTenant(cold, 'acme')).toMatchObject({ records: 2, keys: 1 });
    await expect(cold.put('acme', 'custom', { a: 'b' })).rejects.toMatchObject(erased);
  });

  it('leaves an event for each record and one for the tenant, and erases those of before on demand', async () => {
    for (const mode of ['strict', 'best-effort'] as const) {
      const kept: AuditEvent[] = [];
      const sink = {
        write: (event: AuditEvent) => void kept.push(event),
        erase: async (tenantId: string) => {
          const before = kept.length;
          kept.splice(0, before, ...kept.filter((event) => event.tenantId !== tenantId));
          return before - kept.length;
        },
      };
      const { open } = await filled();
      const { vault } = open({}, { audit: { sink, mode } });
      await vault.get('acme', 'custom');
      await vault.get('other', 'custom');
      await eraseTenant(vault, 'acme', { actor: 'ann' });
      const events = kept.map(({ action, tenantId, provider }) => [action, tenantId, provider]);
      expect(events).toHaveLength(5);
      for (const provider of ['*', 'custom', 'twilio']) {
        expect(events).toContainEqual(['erase', 'acme', provider]);
      }
      const report = await eraseTenant(vault, 'acme', { audit: 'erase', actor: 'ann' });
      expect(report.events).toBe(5);
      expect(kept.map(({ action, tenantId, actor }) => [action, tenantId, actor])).toEqual([
        ['get', 'other', undefined],
        ['erase', 'acme', 'ann'],
      ]);
      expect(kept.at(-1)?.outcome).toBe('ok');
    }
    for (const audit of ['erase', 'keep'] as const) {
      const { vault } = await filled(); // without a sink
      expect(await eraseTenant(vault, 'acme', { audit })).not.toHaveProperty('events');
    }
  });

  it('refuses a vault without tenant keys, and odd arguments, and changes nothing', async () => {
    const plain = memoryVault();
    await plain.vault.put('acme', 'custom', { a: 'b' });
    await expect(eraseTenant(plain.vault, 'acme')).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
    expect(await plain.vault.get('acme', 'custom')).toBeDefined();
    const { vault, store, keyStore } = await filled();
    const events = await auditEvents(async () => {
      for (const [tenantId, options] of [
        [{ $ne: null }, {}],
        ['', {}],
        ['acme', { audit: 'all' }],
        ['acme', null],
      ]) {
        const call = eraseTenant(vault, tenantId as string, options as never);
        expect(await rejection(call)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      }
    });
    expect(events.map(({ action, outcome }) => [action, outcome])).toEqual(
      Array.from({ length: 4 }, () => ['erase', 'refused']),
    );
    expect(await recordsOf(store)).toHaveLength(3);
    expect((await entryOf(keyStore)).erased).toBeUndefined();
  });

  it('does nothing under a signal that was aborted before', async () => {
    const { vault, keyStore } = await filled();
    const before = await entryOf(keyStore);
    const signal = AbortSignal.abort();
    for (const tenant of ['acme', 'nobody']) {
      await expect(eraseTenant(vault, tenant, { signal })).rejects.toMatchObject({
        code: 'ERR_ABORTED',
      });
    }
    expect(await entryOf(keyStore)).toEqual(before);
    expect(await keyStore.get('nobody')).toBeUndefined();
  });

  it('ends by its signal while the store hangs, and can be run again', async () => {
    const { vault, store } = await filled();
    const hanging = vi.spyOn(store, 'list').mockReturnValue(new Promise(() => {}));
    const signal = AbortSignal.timeout(50);
    await expect(eraseTenant(vault, 'acme', { signal })).rejects.toMatchObject({
      code: 'ERR_ABORTED',
    });
    hanging.mockRestore();
    expect((await eraseTenant(vault, 'acme')).records).toBeGreaterThan(0);
  });

  it('gives up where another process keeps on writing, and says what to do', async () => {
    const { vault, store, keyStore } = await filled();
    const late = (await store.get({ tenantId: 'other', provider: 'custom' })) as SecretRecord;
    const remove = store.delete.bind(store);
    let passes = 0;
    store.delete = async (ref, expected) => {
      const removed = await remove(ref, expected);
      if ((await recordsOf(store)).length === 0) {
        passes++;
        await store.put({ ...late, tenantId: 'acme' }, null);
      }
      return removed;
    };
    await expect(eraseTenant(vault, 'acme')).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
      message: expect.stringContaining('Run it again'),
    });
    expect(passes).toBe(10);
    expect((await entryOf(keyStore)).keys).toHaveLength(1); // last of all
    store.delete = remove;
    expect(await eraseTenant(vault, 'acme')).toMatchObject({ records: 1, keys: 1 });
  });

  it('counts only what it has removed itself, and nothing of the library [R8]', async () => {
    const { vault, store } = await filled();
    const remove = store.delete.bind(store);
    store.delete = async (ref, expected) => {
      const removed = await remove(ref, expected);
      return ref.provider === 'custom' ? false : removed; // another process was faster
    };
    expect(await eraseTenant(vault, 'acme')).toMatchObject({ records: 1, providers: ['twilio'] });
  });

  it('removes what is written meanwhile, and leaves the key that a renewal makes meanwhile', async () => {
    const { vault, store, keyStore, open } = await filled();
    const other = open();
    await other.vault.get('acme', 'custom');
    const list = store.list.bind(store);
    let passes = 0;
    store.list = async (...args) => {
      const records = await list(...args);
      passes++;
      if (passes === 1) await other.vault.put('acme', 'another', { a: 'b' }); // until it has noticed
      if (records.length === 0) await open().keys.renew('acme');
      return records;
    };
    expect(await eraseTenant(vault, 'acme')).toEqual({
      tenantId: 'acme',
      records: 3,
      providers: ['another', 'custom', 'twilio'],
      keys: 1,
    });
    expect(passes).toBe(3);
    expect((await entryOf(keyStore)).keys).toMatchObject([{ number: 2 }]);
    const later = open().vault;
    await later.put('acme', 'custom', { token: 'new' });
    expect((await later.require('acme', 'custom')).token).toBe('new');
  });

  it('leaves the keys as they are when it is run again', async () => {
    const { vault, keyStore } = await filled();
    await eraseTenant(vault, 'acme');
    const entry = await entryOf(keyStore);
    expect(await eraseTenant(vault, 'acme')).toMatchObject({ records: 0, keys: 0 });
    expect(await entryOf(keyStore)).toEqual(entry);
  });

  it('removes nothing more once it is aborted', async () => {
    const { vault, store, keyStore } = await filled();
    const abort = new AbortController();
    const remove = store.delete.bind(store);
    let removals = 0;
    store.delete = async (ref, expected) => {
      removals++;
      abort.abort();
      return remove(ref, expected);
    };
    const call = eraseTenant(vault, 'acme', { signal: abort.signal });
    await expect(call).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(removals).toBe(1);
    expect(await recordsOf(store)).toHaveLength(2);
    expect((await entryOf(keyStore)).keys).toHaveLength(1);
  });

  it('leaves nothing in the cache of its vault', async () => {
    const { open, store } = await filled();
    Object.assign(store, { watch: undefined }); // that would tell the cache, too
    const { vault } = open({}, { cache: { ttlMs: 60_000 } });
    await vault.require('acme', 'custom');
    const list = store.list.bind(store);
    store.list = async (...args) => {
      await vault.get('acme', 'custom').catch(() => {}); // read again in the middle
      return list(...args);
    };
    await eraseTenant(vault, 'acme');
    expect(await vault.get('acme', 'custom')).toBeUndefined();
    expect((await vault.require('other', 'custom')).token).toBe('two');
  });

  it('does not lift a tombstone that is set while the tenant is renewed', async () => {
    const { vault, keyStore, open, kms } = await filled();
    let hold: Promise<unknown> | undefined;
    const slow = {
      get: (tenantId: string) => keyStore.get(tenantId),
      put: async (entry: KeyEntry, expected: string | null) => {
        hold ??= eraseTenant(vault, 'acme');
        await hold;
        return keyStore.put(entry, expected);
      },
      scan: () => keyStore.scan({}),
    };
    await expect(open({ store: slow, wrapper: kms }).keys.renew('acme')).rejects.toMatchObject(
      erased,
    );
    await expect(open().vault.put('acme', 'x', { a: 'b' })).rejects.toMatchObject(erased);
  });
});

describe('the old settings', () => {
  const settings: SettingsSource = {
    name: 'settings',
    async *scan() {
      yield ['acme', 'other'].map((id) => ({
        id,
        place: id,
        values: {
          user_id: id,
          sendgrid_api_key: `SG.${'1'.repeat(22)}.${'k'.repeat(43)}`,
          sender_email: 'a@example.com',
        },
      }));
    },
    erase: async () => [],
  };

  it('do not bring an erased tenant back, neither at first use nor by a migration', async () => {
    const { open, store, keys } = tenantVault();
    const { vault } = open({}, { settings });
    expect(await vault.get('acme', 'sendgrid')).toBeDefined();
    const report = await eraseTenant(vault, 'acme');
    expect(report).toMatchObject({ records: 1, keys: 1, plaintextRemaining: 2 });

    for (const one of [vault, open({}, { settings }).vault]) {
      expect(await one.get('acme', 'sendgrid')).toBeUndefined();
      expect(await one.list('acme')).toEqual([]);
      await expect(one.put('acme', 'custom', { a: 'b' })).rejects.toMatchObject(erased);
      for (const dryRun of [true, false]) {
        expect(
          await migrateFromSettings(one, { settings, tenantIds: ['acme'], dryRun }),
        ).toMatchObject({
          migrated: 0,
          plaintextRemaining: 2,
          failedCount: 2,
          failed: [{ reason: 'ERR_KEY_ERASED' }, {}],
        });
      }
    }
    expect(await recordsOf(store)).toEqual([]);

    // Also later, when the tenant is a customer again.
    await keys.renew('acme');
    const later = open({}, { settings }).vault;
    expect(await later.get('acme', 'sendgrid')).toBeUndefined();
    await later.put('acme', 'custom', { a: 'b' });
    expect((await later.list('acme')).map(({ provider }) => provider)).toEqual(['custom']);
    expect(await later.get('other', 'sendgrid')).toBeDefined();
  });

  it('are counted with the values that cannot be imported', async () => {
    const rows = settingsRows(
      { user_id: 'acme', sendgrid_api_key: '[redacted]', sender_email: 'a@example.com' },
      { user_id: 'acme', openai_api_key: 7 },
      { user_id: 'other', openai_api_key: 'k' },
    );
    const { vault } = tenantVault().open({}, { settings: rows });
    expect(await eraseTenant(vault, 'acme')).toMatchObject({ plaintextRemaining: 3 });
  });

  it('are not looked at again for a tenant that was erased', async () => {
    let now = 0;
    const rows = settingsRows({ user_id: 'acme', openai_api_key: 'k' });
    const { vault } = tenantVault().open({}, { settings: rows, now: () => now });
    await eraseTenant(vault, 'acme');
    expect(await vault.get('acme', 'openai')).toBeUndefined();
    const { scans } = rows;
    now += 3_600_000;
    expect(await vault.get('acme', 'openai')).toBeUndefined();
    expect(rows.scans).toBe(scans);
  });

  it('of an erased tenant keep their plaintext, even if a restored record still opens', async () => {
    const { store, open } = tenantVault({ keyring: new Keyring({ encryptionKey: newKey() }) });
    const { vault } = open({ seal: 'keyring' });
    await vault.put('acme', 'openai', { apiKey: 'k' });
    const [backup] = await recordsOf(store);
    await eraseTenant(vault, 'acme');
    await store.put(backup as SecretRecord, null);
    const rows = settingsRows({ user_id: 'acme', openai_api_key: 'k' });
    expect(await migrateFromSettings(vault, { settings: rows, erase: true })).toMatchObject({
      erased: 0,
      plaintextRemaining: 1,
      failed: [{ reason: 'ERR_KEY_ERASED' }],
    });
  });
});

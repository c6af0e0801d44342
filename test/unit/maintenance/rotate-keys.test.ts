import {
  Keyring,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  seal,
  VaultError,
  verifyVault,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey, rejection } from '../../support/fixtures.ts';
import { addLostVersion, mixedStore, ref, reservedRecord } from './mixed-store.ts';

describe('rotateKeys [K2]', () => {
  it('seals anew what is under another key or unbound, history included, and nothing else', async () => {
    const { store, vault, key, keyId, oldKeyId } = await mixedStore();
    const untouched = await store.get(ref('new'));
    const before = (await store.get(ref('a'))) as SecretRecord;

    const dry = await rotateKeys(vault, { dryRun: true });
    expect(dry).toMatchObject({ scanned: 6, rotated: 5, upToDate: 1, remaining: 5 });
    expect(await store.get(ref('a'))).toEqual(before);

    const report = await rotateKeys(vault);
    expect(report).toEqual({ ...dry, remaining: 0 });
    expect(report).toMatchObject({
      encryptionKeyId: keyId,
      historyRotated: 3,
      keys: { [oldKeyId]: 3, [keyId]: 2, none: 1 },
    });
    expect(await store.get(ref('new'))).toEqual(untouched);
    expect(await store.get(ref('py'))).toMatchObject({ note: 1, metadata: { rev: 1, keyId } });
    expect(await store.get(ref('py'))).not.toHaveProperty('history'); // as before

    const after = (await store.get(ref('a'))) as SecretRecord;
    expect(after.metadata).toEqual({ ...before.metadata, rev: 3, keyId });
    expect(after.history).toHaveLength(1);
    expect(after.history?.[0]).toMatchObject({ rev: 1, keyId, updatedBy: 'ann' });

    // without the old key, and refusing what is unbound, everything opens
    const strict = new SecretsVault({
      store,
      keys: new Keyring({ encryptionKey: key }),
      unbound: 'refuse',
    });
    for (const tenant of ['a', 'b', 'c', 'new', 'py', 'py-new']) {
      expect((await strict.require(tenant, 'custom')).of).toBe(tenant);
    }

    expect(await rotateKeys(vault)).toMatchObject({ rotated: 0, upToDate: 6, remaining: 0 });
    expect(await verifyVault(vault)).toMatchObject({
      ok: 6,
      history: { ok: 3 },
      safeToRefuseUnbound: true,
      droppableKeys: [oldKeyId],
    });
  });

  it('reads no record a second time whose write was done', async () => {
    const { store, vault } = await mixedStore();
    const [putMany, getMany] = [store.putMany.bind(store), store.getMany.bind(store)];
    let reads = 0;
    store.putMany = async (writes) => {
      store.getMany = async (refs) => {
        reads++;
        return getMany(refs);
      };
      return putMany(writes);
    };
    expect(await rotateKeys(vault)).toMatchObject({ rotated: 5, upToDate: 1 });
    expect(reads).toBe(0);
  });

  it('counts in a dry run as due what has no key to be sealed with yet', async () => {
    const { store, key, oldKey } = await mixedStore();
    const keyring = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
    const keys = {
      encryptionKey: () => keyring.encryptionKey(),
      currentKey: () => undefined,
      decryptionKey: (keyId?: string) => keyring.decryptionKey(keyId),
    };
    const vault = new SecretsVault({ store, keys });
    const dry = await rotateKeys(vault, { dryRun: true });
    expect(dry).toMatchObject({ rotated: 6, historyRotated: 3, upToDate: 0, remaining: 6 });
  });

  it('reads again a record that lost the race, and seals it anew if it is still due', async () => {
    const { store, vault, old, keyId } = await mixedStore();
    const put = store.putMany.bind(store);
    let races = 0;
    store.putMany = async (writes) => {
      if (races++ === 0) {
        await old.patch('a', 'custom', { third: 'by an old process' });
        await vault.patch('b', 'custom', { third: 'by a new process' });
        await vault.delete('c', 'custom');
      }
      return put(writes);
    };
    // "b" keeps a version of the old key in its history, so that it is still due.
    expect(await rotateKeys(vault)).toMatchObject({
      scanned: 6,
      rotated: 4,
      upToDate: 2,
      changed: 0,
      historyRotated: 4,
      remaining: 0,
    });
    for (const tenant of ['a', 'b']) {
      expect(await store.get(ref(tenant))).toMatchObject({ metadata: { keyId } });
      expect((await vault.require(tenant, 'custom')).third).toMatch(/^by a/);
    }
    expect(await store.get(ref('c'))).toBeUndefined();
  });

  it('leaves nothing, and reports nothing as left, when several run at once', async () => {
    const { store, old, vault } = await mixedStore();
    for (let n = 0; n < 300; n++) await old.put(`tenant-${n}`, 'custom', { of: `${n}` });
    const reports = await Promise.all(
      [10, 20, 30].map((batchSize) => rotateKeys(vault, { batchSize })),
    );
    for (const report of reports) {
      expect(report).toMatchObject({ scanned: 306, changed: 0, remaining: 0 });
      expect(report.rotated + report.upToDate).toBe(306);
    }
    expect(reports.reduce((sum, { rotated }) => sum + rotated, 0)).toBe(305);
    expect(await verifyVault(vault)).toMatchObject({ ok: 306, problemCount: 0 });
    expect(await store.count()).toBe(306);
  });

  it('counts as changed what others keep changing, and gives up on it', async () => {
    const { store, old, vault } = await mixedStore();
    const put = store.putMany.bind(store);
    let calls = 0;
    store.putMany = async (writes) => {
      await old.patch('a', 'custom', { count: `${calls++}` });
      return put(writes);
    };
    expect(await rotateKeys(vault)).toMatchObject({ rotated: 4, changed: 1, remaining: 1 });
    expect(calls).toBeLessThan(20);
    expect((await vault.require('a', 'custom')).count).toBe(`${calls - 1}`);
  });

  it.each(['before', 'after'] as const)(
    'goes on when a write fails %s it is done',
    async (fault) => {
      const { store, key, oldKey } = await mixedStore();
      const faulty = new FaultyStore(store);
      const keys = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
      const vault = new SecretsVault({ store: faulty.store, keys });
      faulty.fail('putMany', fault);
      faulty.fail('getMany', 'before');
      expect(await rotateKeys(vault)).toMatchObject({ rotated: 5, upToDate: 1, remaining: 0 });
      expect((await verifyVault(vault)).ok).toBe(6);
    },
  );

  it('names what cannot be opened, earlier versions too, and leaves it as it is', async () => {
    const { store, vault, keyId, insert } = await mixedStore();
    const lost = { ...ref('lost'), data: seal('{}', newKey()) };
    await insert({ ...lost, metadata: { rev: 1, keyId: 'dead0000' } });
    const version = await addLostVersion(store, 'new', 7);

    const report = await rotateKeys(vault);
    expect(report).toMatchObject({
      rotated: 5,
      upToDate: 1,
      failedCount: 1,
      historyFailedCount: 1,
      remaining: 2,
    });
    const unknown = { reason: 'ERR_KEY_UNKNOWN', keyId: 'dead0000' };
    expect(report.failed).toEqual([{ ...ref('lost'), ...unknown }]);
    expect(report.historyFailed).toEqual([{ ...ref('new'), ...unknown, rev: 7 }]);
    const lists: string[] = [];
    await rotateKeys(vault, { onIssue: (_issue, list) => lists.push(list) });
    expect(lists.sort()).toEqual(['failed', 'historyFailed']);
    expect(await store.get(ref('new'))).toMatchObject({ history: [version], metadata: { keyId } });
    expect(await store.get(ref('lost'))).toMatchObject(lost);
  });

  it('rotates reserved records, and neither lists nor counts them [R8]', async () => {
    const { store, vault, keyId, oldKey, oldKeyId, insert } = await mixedStore();
    await insert(reservedRecord(oldKey, oldKeyId));
    await insert({ ...reservedRecord(newKey(), 'dead0000'), tenantId: 'b' });
    expect((await verifyVault(vault)).scanned).toBe(6);
    expect(await rotateKeys(vault)).toMatchObject({
      scanned: 6,
      rotated: 5,
      keys: { [oldKeyId]: 3, [keyId]: 2, none: 1 },
      failedCount: 0,
      failed: [],
      remaining: 0,
    });
    expect(await store.get({ tenantId: 'a', provider: '$mark' })).toMatchObject({
      metadata: { rev: 2, keyId },
    });
    expect(await verifyVault(vault)).toMatchObject({ scanned: 6, problemCount: 0 });
  });

  it('keeps unknown members of the record, its metadata and its history [R7]', async () => {
    const { store, vault, oldKey, oldKeyId, insert } = await mixedStore();
    const version = { rev: 0, data: seal('{}', oldKey), keyId: oldKeyId, tag: 'kept' };
    await insert({
      ...ref('odd'),
      data: seal('{"x":"y"}', oldKey),
      other: { deep: [1] },
      metadata: { rev: 4, tag: 'kept' },
      history: [version],
    });
    await rotateKeys(vault);
    expect(await store.get(ref('odd'))).toMatchObject({
      other: { deep: [1] },
      metadata: { rev: 5, tag: 'kept' },
      history: [{ rev: 0, tag: 'kept' }],
    });
  });

  it('names who ran it in the audit trail', async () => {
    const events: unknown[] = [];
    const { store, key, vault } = memoryVault();
    await vault.put('a', 'custom', { x: 'y' });
    const newer = new SecretsVault({
      store,
      keys: new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] }),
      audit: { write: (event) => void events.push(event) },
    });
    await rotateKeys(newer, { actor: 'night job' });
    expect(events).toMatchObject([{ action: 'rotate', tenantId: 'a', actor: 'night job' }]);
    expect((await newer.require('a', 'custom')).meta.updatedBy).toBeUndefined();
  });

  it('ends where the store stays away, and where it fails for another reason', async () => {
    for (const [error, code, writes] of [
      [new VaultError('ERR_STORE_UNAVAILABLE', 'away'), 'ERR_STORE_UNAVAILABLE', 8],
      [new VaultError('ERR_STORE_FAILED', 'full'), 'ERR_STORE_FAILED', 1],
    ] as const) {
      const { store, vault } = await mixedStore();
      let calls = 0;
      store.putMany = () => {
        calls++;
        return Promise.reject(error);
      };
      const failed = await rejection(rotateKeys(vault));
      expect(failed).toMatchObject({ code, cause: error, report: { rotated: 0, upToDate: 1 } });
      expect(calls).toBe(writes);
    }
  });

  it('writes nothing more once it is aborted', async () => {
    const { store, vault, old } = await mixedStore();
    const abort = new AbortController();
    const put = store.putMany.bind(store);
    let calls = 0;
    store.putMany = async (writes) => {
      calls++;
      await old.patch('a', 'custom', { third: 'in between' }); // so that "a" is written again
      abort.abort();
      return put(writes);
    };
    const failed = await rejection(rotateKeys(vault, { signal: abort.signal }));
    expect(failed).toMatchObject({ code: 'ERR_ABORTED' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(calls).toBe(1);
  });

  it('tells the same in a dry run, and counts what is left', async () => {
    const { store, vault, insert } = await mixedStore();
    await insert({ ...ref('lost'), data: 'no base64', metadata: { rev: 1 } });
    await addLostVersion(store, 'new', 7);
    const dry = await rotateKeys(vault, { dryRun: true });
    const report = await rotateKeys(vault);
    expect({ ...dry, remaining: 0 }).toEqual({ ...report, remaining: 0 });
    expect(dry.remaining).toBe(report.remaining + report.rotated);
    expect(report.failed).toEqual([{ ...ref('lost'), reason: 'ERR_MALFORMED' }]);
  });

  it('counts an earlier version that is unbound, or under another key, of a current record', async () => {
    const { store, vault, key, oldKey, keyId, oldKeyId } = await mixedStore();
    const record = (await store.get(ref('new'))) as SecretRecord;
    const history = [
      { rev: 7, keyId, data: seal('{"x":"unbound"}', key) },
      { rev: 6, keyId: oldKeyId, data: seal('{"x":"old"}', oldKey) },
    ];
    await store.put({ ...record, history }, record.data.slice(0, 16));
    expect(await rotateKeys(vault)).toMatchObject({ rotated: 6, historyRotated: 5, upToDate: 0 });
    expect(await rotateKeys(vault)).toMatchObject({ rotated: 0, historyRotated: 0, upToDate: 6 });
    expect((await verifyVault(vault)).history).toMatchObject({ ok: 5, unbound: 0 });
  });
});

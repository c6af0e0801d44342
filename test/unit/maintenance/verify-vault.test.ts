import {
  Keyring,
  OperationError,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  seal,
  VaultError,
  verifyVault,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey, rejection } from '../../support/fixtures.ts';
import { tenantVault } from '../../support/tenant-keys.ts';
import { addLostVersion, mixedStore, ref, reservedRecord } from './mixed-store.ts';

describe('verifyVault', () => {
  it('sorts every record, per key', async () => {
    const { store, vault, keyId, oldKeyId, insert } = await mixedStore();
    const good = (await store.get(ref('a'))) as SecretRecord;
    const metadata = { rev: 1, keyId };
    await insert({ ...ref('z1'), data: good.data, metadata: { rev: 2, keyId: oldKeyId } });
    await insert({ ...ref('z2'), data: 'no base64', metadata });
    await insert({ ...ref('z3'), data: good.data, metadata });
    await insert({ ...ref('z4'), data: good.data, metadata: { rev: 1, keyId: 'dead0000' } });
    const report = await verifyVault(vault, { batchSize: 2 });
    expect(report).toMatchObject({
      scanned: 10,
      ok: 4,
      unbound: 2,
      foreign: 1,
      malformed: 1,
      tampered: 1,
      unknownKey: 1,
      problemCount: 6,
      safeToRefuseUnbound: false,
      droppableKeys: [],
    });
    expect(report.keys[oldKeyId]).toMatchObject({ ok: 3, foreign: 1 });
    expect(report.keys.none).toMatchObject({ unbound: 1 });
    expect(report.seals[oldKeyId]).toBe(8);
    expect(report.problems).toContainEqual({
      ...ref('z4'),
      reason: 'ERR_KEY_UNKNOWN',
      keyId: 'dead0000',
    });
  });

  it('calls a record that names no key and opens with none "unknownKey", not "tampered"', async () => {
    const { vault, insert } = await mixedStore();
    await insert({ ...ref('z'), data: seal('{"x":"y"}', newKey()) });
    const report = await verifyVault(vault);
    expect(report).toMatchObject({ unknownKey: 1, tampered: 0 });
    expect(report.problems).toContainEqual({ ...ref('z'), reason: 'ERR_DECRYPTION_FAILED' });
  });

  it('says that it is safe to refuse unbound records only when all are known to be bound', async () => {
    const { store, vault } = memoryVault();
    await vault.put('a', 'custom', { x: '1' });
    await vault.put('a', 'custom', { x: '2' });
    expect((await verifyVault(vault)).safeToRefuseUnbound).toBe(true);

    const wrong = new SecretsVault({ store, keys: new Keyring({ encryptionKey: newKey() }) });
    expect(await verifyVault(wrong)).toMatchObject({
      unknownKey: 1,
      unbound: 0,
      safeToRefuseUnbound: false,
    });
  });

  it('counts and names earlier versions that are unbound or do not open', async () => {
    const { store, vault, key } = memoryVault();
    await store.put({ ...ref('a'), data: seal('{"x":"y"}', key) }, null);
    await vault.patch('a', 'custom', { x: 'z' });
    expect(await verifyVault(vault)).toMatchObject({
      unbound: 0,
      history: { unbound: 1 },
      problemCount: 1,
      problems: [{ ...ref('a'), rev: 0, reason: 'ERR_UNBOUND' }],
      safeToRefuseUnbound: false,
    });
    expect(await rotateKeys(vault)).toMatchObject({ rotated: 1, historyRotated: 1 });
    expect((await verifyVault(vault)).safeToRefuseUnbound).toBe(true);

    await addLostVersion(store, 'a', 1);
    expect(await verifyVault(vault)).toMatchObject({
      ok: 1,
      history: { unknownKey: 1 },
      historyKeys: { dead0000: 1 },
      problemCount: 1,
      problems: [{ ...ref('a'), rev: 1, reason: 'ERR_KEY_UNKNOWN', keyId: 'dead0000' }],
      safeToRefuseUnbound: false,
    });
  });

  it('calls no key droppable that a reserved record needs [R8]', async () => {
    const { vault, oldKey, oldKeyId, insert } = await mixedStore();
    await rotateKeys(vault);
    expect((await verifyVault(vault)).droppableKeys).toEqual([oldKeyId]);
    await insert(reservedRecord(oldKey, oldKeyId));
    const report = await verifyVault(vault);
    expect(report.droppableKeys).toEqual([]);
    expect(report.keys).not.toHaveProperty(oldKeyId);
  });

  it('judges the whole only after a run that saw all', async () => {
    const { vault, oldKeyId } = await mixedStore();
    await rotateKeys(vault);
    expect(await verifyVault(vault, { part: { index: 0, of: 1 } })).toMatchObject({
      ok: 6,
      safeToRefuseUnbound: false,
      droppableKeys: [],
    });
    expect((await verifyVault(vault)).droppableKeys).toEqual([oldKeyId]);
  });

  it.each([
    ['an unbound one', ['unbound']],
    ['one under another key', ['unknownKey']],
    ['an altered one', ['tampered']],
    ['a malformed one', ['malformed']],
    ['an unbound one, and one under another key', ['unbound', 'unknownKey']],
    ['an unbound one, and an altered one', ['unbound', 'tampered']],
    ['an altered one, and a malformed one', ['tampered', 'malformed']],
    ['one of each', ['unbound', 'unknownKey', 'tampered', 'malformed']],
  ])('does not call it safe to refuse unbound records while there is %s', async (_what, kinds) => {
    const { vault, store, key, keys } = memoryVault();
    await vault.put('a', 'custom', { x: '1' });
    const metadata = { rev: 1, keyId: keys.encryptionKeyId };
    const bad: Record<string, Pick<SecretRecord, 'data' | 'metadata'>> = {
      unbound: { data: seal('{"x":"y"}', key), metadata },
      unknownKey: { data: seal('{}', newKey()), metadata: { rev: 1, keyId: 'dead0000' } },
      tampered: { data: seal('{}', newKey()), metadata },
      malformed: { data: 'no base64', metadata },
    };
    for (const kind of kinds) {
      await store.put({ ...ref(kind), ...(bad[kind] as SecretRecord) }, null);
    }
    const reasons = {
      unbound: { reason: 'ERR_UNBOUND' },
      unknownKey: { reason: 'ERR_KEY_UNKNOWN', keyId: 'dead0000' },
      tampered: { reason: 'ERR_DECRYPTION_FAILED' },
      malformed: { reason: 'ERR_MALFORMED' },
    } as Record<string, object>;
    const report = await verifyVault(vault);
    expect(report).toMatchObject({
      ok: 1,
      ...Object.fromEntries(kinds.map((kind) => [kind, 1])),
      safeToRefuseUnbound: false,
    });
    const problems = kinds.map((kind) => ({ ...ref(kind), ...reasons[kind] }));
    expect(report.problems).toStrictEqual(
      problems.sort((one, other) => (one.tenantId < other.tenantId ? -1 : 1)),
    );
  });

  it('calls no key droppable that an earlier version needs, or that a record may need', async () => {
    const { store, vault, key } = memoryVault();
    await vault.put('a', 'custom', { x: '1' });
    const keys = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key, newKey()] });
    const newer = new SecretsVault({ store, keys });
    // The key that seals is not one to drop, used or not.
    expect((await verifyVault(newer)).droppableKeys).toEqual([keys.keyIds[2]]);
    await newer.put('a', 'custom', { x: '2' });
    const [, oldId, unusedId] = keys.keyIds;
    expect((await verifyVault(newer)).droppableKeys).toEqual([unusedId]);
    await newer.purgeHistory('a', 'custom');
    expect((await verifyVault(newer)).droppableKeys).toEqual([oldId, unusedId]);
    // A record that names no key may need any of them.
    await store.put({ ...ref('old'), data: seal('{}', key) }, null);
    expect((await verifyVault(newer)).droppableKeys).toEqual([]);
  });

  it('estimates the use of a key from the revisions, and of tenant keys by the busiest tenant [K5]', async () => {
    const { vault, store } = tenantVault();
    for (let n = 0; n < 3; n++) await vault.put('busy', 'custom', { n: `${n}` });
    await vault.put('busy', 'other', { a: 'b' });
    await vault.put('calm', 'custom', { a: 'b' });
    await vault.put('reserved', 'custom', { a: 'b' });
    const own = (await store.get(ref('busy'))) as SecretRecord;
    await store.put({ ...own, provider: '$mark' }, null); // counts for nothing [R8]
    await store.put({ ...ref('old'), data: seal('{}', newKey()) }, null);
    const report = await verifyVault(vault);
    expect(report.seals).toEqual({ t1: 4, none: 1 });
    expect(report.keys).toMatchObject({ t1: { ok: 4 }, none: { unknownKey: 1 } });
    expect(report.historyKeys).toEqual({ t1: 2 });
    // A run that ends early does not know the busiest one.
    const onProgress = () => {
      throw new Error('of the caller');
    };
    const ended = (await rejection(verifyVault(vault, { onProgress }))) as OperationError;
    expect(ended.report).toMatchObject({ scanned: 5, seals: { none: 1 } });
    expect(ended.report).not.toHaveProperty('seals.t1');
  });

  it('looks into the key store for keys that wrap others, and says so where it cannot', async () => {
    const keyring = new Keyring({ encryptionKey: newKey(), decryptionKeys: [newKey()] });
    const wrapper = localWrapper(keyring);
    const { keyStore, open, vault } = tenantVault({ keyring, wrapper });
    await vault.put('a', 'custom', { a: 'b' });
    const [, unusedId] = keyring.keyIds;
    const broken = (failures: number, error: Error) => {
      let scans = 0;
      const store = {
        get: (tenantId: string) => keyStore.get(tenantId),
        put: keyStore.put.bind(keyStore),
        scan: (query: object) => {
          if (++scans <= failures) throw error;
          return keyStore.scan(query);
        },
      };
      return open({ store }).vault;
    };
    const away = new VaultError('ERR_STORE_UNAVAILABLE', 'away');
    expect((await verifyVault(broken(1, away))).droppableKeys).toEqual([unusedId]);
    const failed = await rejection(verifyVault(broken(9, new Error('broken'))));
    expect(failed).toBeInstanceOf(OperationError);
    expect(failed).toMatchObject({ report: { scanned: 1, ok: 1 }, after: undefined });
    // An entry that is damaged is passed over.
    const entry = await keyStore.get('a');
    await keyStore.put({ ...entry, keys: null } as never, entry?.etag ?? null);
    expect((await verifyVault(open().vault)).droppableKeys).toEqual([unusedId]);
  });
});

import {
  Keyring,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  seal,
  verifyVault,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey } from '../../support/fixtures.ts';
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
});

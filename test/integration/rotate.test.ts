import {
  Keyring,
  MemorySecretStore,
  rotateKeys,
  type SecretRecord,
  SecretsVault,
  seal,
  verifyVault,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';

/** A store with records in every state: of an old and the new key, unbound, and bad ones. */
async function mixedStore() {
  const store = new MemorySecretStore();
  const [oldKey, key] = [newKey(), newKey()];
  const old = new SecretsVault({ store, keys: new Keyring({ encryptionKey: oldKey }) });
  const keys = new Keyring({ encryptionKey: key, decryptionKeys: [oldKey] });
  const vault = new SecretsVault({ store, keys });
  const [keyId, oldKeyId] = keys.keyIds as [string, string];

  for (const tenant of ['a', 'b', 'c']) {
    await old.put(tenant, 'custom', { of: tenant }, { actor: 'ann' });
    await old.put(tenant, 'custom', { of: tenant, second: 'yes' }, { actor: 'bob' });
  }
  await vault.put('new', 'custom', { of: 'new' });
  const unbound = (text: string, sealKey: string) => seal(text, sealKey);
  const ref = (tenantId: string) => ({ tenantId, provider: 'custom' });
  await store.put({ ...ref('py'), note: 1, data: unbound('{"of":"py"}', oldKey) }, 0);
  await store.put(
    { ...ref('py-new'), data: unbound('{"of":"py-new"}', key), metadata: { rev: 3, keyId } },
    0,
  );
  return { store, vault, key, keyId, oldKeyId, ref };
}

describe('rotateKeys [K2]', () => {
  it('seals anew what is under another key or unbound, history included, and nothing else', async () => {
    const { store, vault, key, keyId, oldKeyId, ref } = await mixedStore();
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

  it('leaves a record that changed meanwhile to its writer, and what cannot be opened as it is', async () => {
    const { store, vault, ref } = await mixedStore();
    await store.put(
      { ...ref('lost'), data: seal('{}', newKey()), metadata: { rev: 1, keyId: 'dead0000' } },
      0,
    );
    const put = store.putMany.bind(store);
    store.putMany = async (writes) => {
      await vault.put('a', 'custom', { of: 'a', third: 'yes' });
      return put(writes);
    };
    const report = await rotateKeys(vault);
    expect(report).toMatchObject({ changed: 1, rotated: 4, failedCount: 1, remaining: 2 });
    expect(report.failed).toEqual([
      { ...ref('lost'), reason: 'ERR_KEY_UNKNOWN', keyId: 'dead0000' },
    ]);
    expect((await vault.require('a', 'custom')).third).toBe('yes');
    store.putMany = put;
    expect(await rotateKeys(vault)).toMatchObject({ changed: 0, remaining: 1 });
  });
});

describe('verifyVault', () => {
  it('sorts every record, per key', async () => {
    const { store, vault, keyId, oldKeyId, ref } = await mixedStore();
    const good = (await store.get(ref('a'))) as SecretRecord;
    const metadata = { rev: 1, keyId };
    await store.put({ ...ref('z1'), data: good.data, metadata: { rev: 2, keyId: oldKeyId } }, 0);
    await store.put({ ...ref('z2'), data: 'no base64', metadata }, 0);
    await store.put({ ...ref('z3'), data: good.data, metadata }, 0);
    await store.put({ ...ref('z4'), data: good.data, metadata: { rev: 1, keyId: 'dead0000' } }, 0);
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

  it('refuses settings that make no sense', async () => {
    const { vault } = await mixedStore();
    for (const options of [{ batchSize: 0 }, { concurrency: 1.5 }]) {
      await expect(verifyVault(vault, options)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
    await expect(rotateKeys({} as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

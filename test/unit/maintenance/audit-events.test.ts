import { Keyring, rotateKeys, SecretsVault, seal, verifyVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { untold } from '../../support/cached-vault.ts';
import { auditEvents, memoryVault, newKey } from '../../support/fixtures.ts';

describe('rotateKeys and verifyVault', () => {
  it('leave an event of each record sealed anew, and of each that does not open', async () => {
    const { vault, store, key } = memoryVault();
    await vault.put('a', 'custom', { x: 'y' });
    const record = { tenantId: 'b', provider: 'custom', data: seal('{}', newKey()) };
    await store.put(record, null);
    const newer = new SecretsVault({
      store,
      keys: new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] }),
      cache: { ttlMs: 60_000 },
    });
    await newer.get('a', 'custom');
    const events = await auditEvents(() => rotateKeys(newer));
    expect(events).toHaveLength(2);
    expect(events).toContainEqual(
      expect.objectContaining({ action: 'rotate', tenantId: 'a', outcome: 'ok', rev: 2 }),
    );
    const refused = { tenantId: 'b', outcome: 'refused', code: 'ERR_DECRYPTION_FAILED' };
    expect(events).toContainEqual(expect.objectContaining({ action: 'rotate', ...refused }));
    expect((await newer.require('a', 'custom')).meta.rev).toBe(2);
    expect(await auditEvents(() => verifyVault(newer))).toMatchObject([
      { action: 'verify', ...refused },
    ]);
  });

  it('tell of a record that another writer has changed in the meantime', async () => {
    const { vault, store, key } = memoryVault();
    for (const tenant of ['a', 'b']) await vault.put(tenant, 'custom', { x: 'y' });
    const keys = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
    const newer = new SecretsVault({ store: untold(store), keys, cache: { ttlMs: 60_000 } });
    for (const tenant of ['a', 'b']) await newer.get(tenant, 'custom');
    const putMany = store.putMany.bind(store);
    store.putMany = async (writes) => {
      store.putMany = putMany;
      await vault.put('a', 'custom', { x: 'z' });
      return putMany(writes);
    };
    const events = await auditEvents(() => rotateKeys(newer));
    const rotated = events.filter(({ action }) => action === 'rotate');
    expect(rotated).toContainEqual(expect.objectContaining({ tenantId: 'b', outcome: 'ok' }));
    const lost = { tenantId: 'a', outcome: 'refused', code: 'ERR_CONFLICT' };
    expect(rotated).toContainEqual(expect.objectContaining(lost));
    // The cache has none of them any more.
    expect((await newer.require('a', 'custom')).reveal()).toEqual({ x: 'z' });
    expect((await newer.require('b', 'custom')).meta.rev).toBe(2);
  });
});

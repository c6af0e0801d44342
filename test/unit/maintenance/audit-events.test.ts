import { Keyring, rotateKeys, SecretsVault, seal, verifyVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
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
});

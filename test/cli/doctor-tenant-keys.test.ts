import {
  type KeyEntry,
  Keyring,
  MemoryKeyStore,
  MemorySecretStore,
  TenantKeys,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';
import { describe, expect, it } from 'vitest';
import { checkTenantKeys } from '../../src/cli/doctor/tenant-keys.ts';
import { newKey } from '../support/fixtures.ts';

describe('doctor on a damaged key store', () => {
  it.each<[string, (good: KeyEntry) => object]>([
    ['no keys', () => ({ keys: null })],
    ['an empty key', () => ({ keys: [null] })],
    ['no wrapper', ({ keys }) => ({ keys: [{ ...keys[0], wrapper: 1 }] })],
    ['a date as text', ({ keys }) => ({ keys: [{ ...keys[0], createdAt: '2026-01-01' }] })],
    ['no date', ({ keys }) => ({ keys: [{ ...keys[0], createdAt: new Date(Number.NaN) }] })],
  ])('says so, and goes on with the others: %s', async (_, damage) => {
    const wrapper = localWrapper(new Keyring({ encryptionKey: newKey() }));
    const keyStore = new MemoryKeyStore();
    const keys = new TenantKeys({ wrapper, store: keyStore });
    for (const tenantId of ['acme', 'beta']) {
      await keys.encryptionKey({ tenantId, provider: 'custom' });
    }
    const good = (await keyStore.get('acme')) as KeyEntry;
    await keyStore.put({ ...good, ...damage(good), etag: 'AAAABBBBCCCCDDDD' }, good.etag);
    const none = async () => {};
    const place = { keyStore, name: 'keys', requireExisting: none, init: none };
    const checks = await checkTenantKeys(
      { keys, wrappers: [wrapper], place },
      new MemorySecretStore(),
    );
    expect(checks).toContainEqual(
      expect.objectContaining({
        name: 'damaged tenant keys',
        state: 'fail',
        details: { damaged: 1 },
      }),
    );
    expect(checks).toContainEqual(
      expect.objectContaining({ name: 'keys per KMS key', details: { [wrapper.id]: 1 } }),
    );
  });
});

import { randomBytes } from 'node:crypto';
import {
  generateKey,
  Keyring,
  MemoryKeyStore,
  MemorySecretStore,
  open,
  SecretsVault,
  seal,
  TenantKeys,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';
import { describe, expect, it } from 'vitest';
import { describeWrapper, failure, textsOf } from '../../support/wrapper-contract.ts';

const [first, second] = [generateKey(), generateKey()];
const keyring = new Keyring({ encryptionKey: first });
const acme = { tenantId: 'acme' };

describeWrapper('local', {
  wrapper: () => localWrapper(keyring),
  otherKey: () => localWrapper(new Keyring({ encryptionKey: second })),
  bindsTenant: true,
  secrets: () => [first],
});

describe('localWrapper', () => {
  it('is named by the fingerprint of its key', () => {
    expect(localWrapper(keyring).id).toBe(`local:${keyring.encryptionKeyId}`);
  });

  it('checks its keyring', () => {
    for (const bad of [undefined, null, first, {}, { encryptionKeyId: 'x' }]) {
      expect(() => localWrapper(bad as never)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });

  it('unwraps by each key of the keyring, chosen by its id', async () => {
    const key = randomBytes(32);
    const wrapped = await localWrapper(keyring).wrap(key, acme);
    const rolled = new Keyring({ encryptionKey: second, decryptionKeys: [first] });
    expect(Buffer.from(await localWrapper(rolled).unwrap(wrapped, acme)).equals(key)).toBe(true);
    const without = localWrapper(new Keyring({ encryptionKey: second }));
    const secrets = [first, second, ...textsOf(key), ...textsOf(wrapped)];
    const error = await failure(without.unwrap(wrapped, acme), 'ERR_KEY_UNAVAILABLE', secrets);
    expect(error.message).toContain(`key ${keyring.encryptionKeyId} is not in the keyring`);
  });

  it('wraps by the codec of records, with the tenant inside', async () => {
    const key = randomBytes(32);
    const wrapped = Buffer.from(await localWrapper(keyring).wrap(key, acme));
    expect(wrapped.toString('latin1', 0, 8)).toBe(keyring.encryptionKeyId);
    const plaintext = open(wrapped.subarray(8).toString('base64'), first);
    expect(plaintext.subarray(0, 32).equals(key)).toBe(true);
    expect(plaintext.toString('utf8', 32)).toBe('provider-vault/tenant-key\nacme');
  });

  it('takes no other sealed text for a wrapped key', async () => {
    const sealed = Buffer.from(seal('{"authToken":"x"}', first), 'base64');
    const wrapped = Buffer.concat([Buffer.from(keyring.encryptionKeyId), sealed]);
    await failure(localWrapper(keyring).unwrap(wrapped, acme), 'ERR_DECRYPTION_FAILED', [first]);
  });
});

describe('TenantKeys with localWrapper', () => {
  it('refuses the key that was moved from another tenant', async () => {
    const keyStore = new MemoryKeyStore();
    const keys = () => new TenantKeys({ wrapper: localWrapper(keyring), store: keyStore });
    const store = new MemorySecretStore();
    const vault = () => new SecretsVault({ store, keys: keys() });
    await vault().put('acme', 'custom', { apiKey: 'value of acme' });
    await vault().put('beta', 'custom', { apiKey: 'value of beta' });
    expect((await vault().require('acme', 'custom')).reveal()).toEqual({ apiKey: 'value of acme' });
    const [ours, theirs] = [await keyStore.get('acme'), await keyStore.get('beta')];
    const moved = ours?.keys.map((key) => ({ ...key, wrapped: theirs?.keys[0]?.wrapped ?? '' }));
    await keyStore.put(
      { ...ours, tenantId: 'acme', current: 1, keys: moved ?? [], etag: 'A'.repeat(16) },
      ours?.etag ?? null,
    );
    const secrets = [first, 'value of acme', 'value of beta'];
    await failure(vault().require('acme', 'custom'), 'ERR_KEY_INVALID', secrets);
    expect((await vault().require('beta', 'custom')).reveal()).toEqual({ apiKey: 'value of beta' });
  });
});

import { etag, Keyring, type SecretRecord, SecretsVault, seal } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey } from '../../support/fixtures.ts';

const notFound = expect.objectContaining({ code: 'ERR_SECRET_NOT_FOUND' });
const ref = { tenantId: 'acme', provider: 'custom' };

async function versions(count: number, options: { history?: { keep?: number } } = {}) {
  const made = memoryVault(options);
  for (let n = 1; n <= count; n++) {
    await made.vault.put('acme', 'custom', { n: `${n}` }, { actor: `actor ${n}` });
  }
  return made;
}

describe('history', () => {
  it('lists the earlier versions, newest first', async () => {
    const { vault, keys } = await versions(3);
    expect(await vault.history('acme', 'custom')).toEqual([
      { rev: 2, keyId: keys.encryptionKeyId, updatedAt: expect.any(Date), updatedBy: 'actor 2' },
      { rev: 1, keyId: keys.encryptionKeyId, updatedAt: expect.any(Date), updatedBy: 'actor 1' },
    ]);
    expect(await vault.history('acme', 'twilio')).toEqual([]);
  });

  it('names nobody where nobody is known', async () => {
    const { vault, keys } = memoryVault();
    for (const n of ['1', '2']) await vault.put('acme', 'custom', { n });
    expect(await vault.history('acme', 'custom')).toStrictEqual([
      { rev: 1, keyId: keys.encryptionKeyId, updatedAt: expect.any(Date) },
    ]);
  });

  it.each([
    [undefined, [8, 7, 6, 5, 4]],
    [2, [8, 7]],
    [0, []],
  ])('of %s versions keeps no more', async (keep, revs) => {
    const { vault, store } = await versions(9, keep === undefined ? {} : { history: { keep } });
    expect((await vault.history('acme', 'custom')).map(({ rev }) => rev)).toEqual(revs);
    const record = (await store.get(ref)) as SecretRecord;
    expect(record.history?.length ?? 0).toBe(revs.length);
  });

  it('goes with the record', async () => {
    const { vault } = await versions(3);
    await vault.delete('acme', 'custom');
    await vault.put('acme', 'custom', { n: 'new' });
    expect(await vault.history('acme', 'custom')).toEqual([]);
    await expect(vault.rollback('acme', 'custom', 2)).rejects.toThrow(notFound);
  });

  it('passes over what is no version, and keeps it when the record is written', async () => {
    const { vault, store } = await versions(2);
    const record = (await store.get(ref)) as SecretRecord;
    const history = [null, 'x', {}, ...(record.history ?? [])] as never;
    await store.put({ ...record, history }, etag(record));
    expect((await vault.history('acme', 'custom')).map(({ rev }) => rev)).toEqual([1]);
    expect((await vault.put('acme', 'custom', { n: '3' })).rev).toBe(3);
    expect((await vault.history('acme', 'custom')).map(({ rev }) => rev)).toEqual([2, 1]);
    expect((await store.get(ref))?.history).toContainEqual({});
  });
});

describe('rollback', () => {
  it('writes the old content as a new revision', async () => {
    const { vault } = await versions(3);
    expect(await vault.rollback('acme', 'custom', 1, { actor: 'bob' })).toMatchObject({
      rev: 4,
      updatedBy: 'bob',
    });
    expect((await vault.require('acme', 'custom')).reveal()).toEqual({ n: '1' });
    expect((await vault.history('acme', 'custom')).map(({ rev }) => rev)).toEqual([3, 2, 1]);
    await vault.rollback('acme', 'custom', 3);
    expect((await vault.require('acme', 'custom')).reveal()).toEqual({ n: '3' });
  });

  it.each([3, 4, 0, -1, '1', Number.NaN])('refuses the revision %j of 1 and 2', async (rev) => {
    const { vault } = await versions(3);
    await expect(vault.rollback('acme', 'custom', rev as number)).rejects.toThrow(notFound);
    await expect(vault.rollback('acme', 'twilio', 1)).rejects.toThrow(notFound);
  });

  it('is a compare-and-set', async () => {
    const { vault } = await versions(3);
    const [stale] = (await vault.list('acme')).map(({ etag }) => etag);
    await vault.put('acme', 'custom', { n: '4' });
    await expect(vault.rollback('acme', 'custom', 1, { ifMatch: `${stale}` })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CONFLICT' }),
    );
    const all = await Promise.all([1, 2, 1, 2].map((rev) => vault.rollback('acme', 'custom', rev)));
    expect(all.map(({ rev }) => rev).sort()).toEqual([5, 6, 7, 8]);
  });

  it('opens with the key and the binding of that revision', async () => {
    const { vault, store, key } = await versions(2);
    const next = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
    await new SecretsVault({ store, keys: next }).rollback('acme', 'custom', 1);
    await expect(vault.get('acme', 'custom')).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_KEY_UNKNOWN' }),
    );

    const record = (await store.get(ref)) as SecretRecord;
    const history = record.history?.map((version) => ({ ...version, rev: version.rev + 10 }));
    await store.put({ ...record, history: history ?? [] }, etag(record));
    await expect(
      new SecretsVault({ store, keys: next }).rollback('acme', 'custom', 11),
    ).rejects.toThrow(expect.objectContaining({ code: 'ERR_BINDING' }));
  });

  it.each([
    ['0a1b2c3d', 'key 0a1b2c3d, which is not configured. Add that key to APP_DECRYPTION_KEYS'],
    ['default1', 'key default1, which is not configured. Add that key to APP_DECRYPTION_KEYS'],
    ['t1-0a1b2c3d', 'key t1-0a1b2c3d, which is not configured. It is a tenant key'],
    [{ $gt: '' }, 'key (none named), which is not configured. Add that key'],
  ])('says which key %j is missing, and where it belongs', async (keyId, message) => {
    const { vault, store } = await versions(2);
    const record = (await store.get(ref)) as SecretRecord;
    const history = record.history?.map((version) => ({ ...version, keyId })) as never;
    await store.put({ ...record, history }, etag(record));
    await expect(vault.rollback('acme', 'custom', 1)).rejects.toMatchObject({
      code: 'ERR_KEY_UNKNOWN',
      message: expect.stringContaining(message),
    });
  });
});

describe('purgeHistory', () => {
  it('removes the earlier versions, and seals the current one anew', async () => {
    const { vault, store } = await versions(3);
    const before = (await store.get(ref)) as SecretRecord;
    expect(await vault.purgeHistory('acme', 'custom', { actor: 'bob' })).toBe(true);
    const after = (await store.get(ref)) as SecretRecord;
    expect(after.history).toBeUndefined();
    expect(after.metadata).toMatchObject({ rev: 4, updatedBy: 'bob' });
    expect(etag(after)).not.toBe(etag(before));
    expect((await vault.require('acme', 'custom')).reveal()).toEqual({ n: '3' });
    expect(await vault.purgeHistory('acme', 'custom')).toBe(false);
    expect(await vault.purgeHistory('acme', 'twilio')).toBe(false);
  });

  it('is a compare-and-set', async () => {
    const { vault } = await versions(2);
    await expect(vault.purgeHistory('acme', 'custom', { ifMatch: null })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CONFLICT' }),
    );
  });
});

describe('limits', () => {
  const MAX_VALUE = 64 * 1024;

  it('name the field that is too large', async () => {
    const { vault } = memoryVault();
    await vault.put('acme', 'custom', { certificate: 'x'.repeat(MAX_VALUE) });
    for (const value of ['x'.repeat(MAX_VALUE + 1), 'ä'.repeat(MAX_VALUE / 2 + 1)]) {
      await expect(vault.patch('acme', 'custom', { certificate: value })).rejects.toThrow(
        /"certificate".*at most 65536/,
      );
    }
    const five = Array.from({ length: 5 }, (_, n) => [`f${n}`, 'x'.repeat(MAX_VALUE)]);
    await expect(vault.put('acme', 'custom', Object.fromEntries(five))).rejects.toThrow(
      /at most 262144.*"f0"/,
    );
  });

  it('keep a record writable, whatever was stored before', async () => {
    const { vault, store, key } = memoryVault({ history: { keep: 100 } });
    const huge = seal(JSON.stringify({ a: 'x'.repeat(5_000_000) }), key);
    await store.put({ ...ref, data: huge }, null);
    const many = Array.from({ length: 4 }, (_, n) => [`f${n}`, 'x'.repeat(MAX_VALUE - 10)]);
    for (let n = 0; n < 20; n++) {
      await vault.put('acme', 'custom', { ...Object.fromEntries(many), n: `${n}` });
    }
    const stored = (await store.get(ref)) as SecretRecord;
    expect(JSON.stringify(stored).length).toBeLessThan(5 * 1024 * 1024);
    expect((await vault.history('acme', 'custom')).length).toBeGreaterThan(5);
  });
});

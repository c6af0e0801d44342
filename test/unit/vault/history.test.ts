import { Keyring, type SecretRecord, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { memoryVault, newKey } from '../../support/fixtures.ts';

const notFound = expect.objectContaining({ code: 'ERR_SECRET_NOT_FOUND' });
const ref = { tenantId: 'acme', provider: 'custom' };

async function versions(count: number, options: { history?: number } = {}) {
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

  it.each([
    [undefined, [8, 7, 6, 5, 4]],
    [2, [8, 7]],
    [0, []],
  ])('of %s versions keeps no more', async (history, revs) => {
    const { vault, store } = await versions(9, history === undefined ? {} : { history });
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

  it('passes over what is no version', async () => {
    const { vault, store } = await versions(2);
    const record = (await store.get(ref)) as SecretRecord;
    const history = [null, 'x', {}, ...(record.history ?? [])] as never;
    await store.put({ ...record, history }, 2);
    expect((await vault.history('acme', 'custom')).map(({ rev }) => rev)).toEqual([1]);
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
    await expect(vault.rollback('acme', 'custom', 1, { expectedRev: 2 })).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CONFLICT' }),
    );
    const all = await Promise.all([1, 2, 1, 2].map((rev) => vault.rollback('acme', 'custom', rev)));
    expect(all.map(({ rev }) => rev).sort()).toEqual([4, 5, 6, 7]);
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
    await store.put({ ...record, history: history ?? [] }, 3);
    await expect(
      new SecretsVault({ store, keys: next }).rollback('acme', 'custom', 11),
    ).rejects.toThrow(expect.objectContaining({ code: 'ERR_BINDING' }));
  });
});

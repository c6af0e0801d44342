import { isVaultError, Keyring, MemorySecretStore, SecretsVault } from 'provider-vault';
import { type FaultyMethod, FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';

const OLDER = { a: 'older' };
const BEFORE = { a: 'old', b: 'old' };
const operations: Record<
  string,
  { run: (vault: SecretsVault) => Promise<unknown>; after: unknown }
> = {
  put: { run: (vault) => vault.put('t', 'custom', { a: 'new' }), after: { a: 'new' } },
  purgeHistory: { run: (vault) => vault.purgeHistory('t', 'custom'), after: BEFORE },
  patch: {
    run: (vault) => vault.patch('t', 'custom', { a: 'new' }),
    after: { a: 'new', b: 'old' },
  },
  delete: { run: (vault) => vault.delete('t', 'custom'), after: undefined },
  get: { run: (vault) => vault.get('t', 'custom'), after: BEFORE },
  getMany: {
    run: (vault) => vault.getMany([{ tenantId: 't', provider: 'custom' }]),
    after: BEFORE,
  },
  rollback: { run: (vault) => vault.rollback('t', 'custom', 1), after: OLDER },
  history: { run: (vault) => vault.history('t', 'custom'), after: BEFORE },
  setSecrets: {
    run: (vault) => vault.setSecrets('t', { a: 'new', b: 'new' }),
    after: { a: 'new', b: 'new' },
  },
  deleteSecret: { run: (vault) => vault.deleteSecret('t', 'a'), after: { b: 'old' } },
  list: { run: (vault) => vault.list('t'), after: BEFORE },
  applyForm: {
    run: (vault) => vault.applyForm('t', 'custom', { a: 'new' }),
    after: { a: 'new', b: 'old' },
  },
};

async function prepared() {
  const inner = new MemorySecretStore();
  const faulty = new FaultyStore(inner);
  const keys = new Keyring({ encryptionKey: newKey() });
  const vault = new SecretsVault({ store: faulty.store, keys });
  const healthy = new SecretsVault({ store: inner, keys });
  await healthy.put('t', 'custom', OLDER);
  await healthy.put('t', 'custom', BEFORE);
  const content = async () => (await healthy.get('t', 'custom'))?.reveal();
  return { faulty, vault, content };
}

describe.each(Object.entries(operations))('%s', (name, { run, after }) => {
  it('leaves the old or the new record, whichever call of the store fails', async () => {
    const dry = await prepared();
    await run(dry.vault);
    const calls = [...dry.faulty.calls];
    expect(calls.length).toBeGreaterThan(0);
    for (const [at, method] of calls.entries()) {
      const nth = calls.slice(0, at + 1).filter((name) => name === method).length;
      for (const fault of ['before', 'after'] as const) {
        const { faulty, vault, content } = await prepared();
        faulty.fail(method as FaultyMethod, fault, nth);
        const error = await run(vault).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        // When the record is gone, a failure to remove its health does not matter.
        const isHealth = name === 'delete' && at === calls.length - 1;
        expect(isVaultError(error, 'ERR_STORE_UNAVAILABLE')).toBe(!isHealth);
        expect([BEFORE, after]).toContainEqual(await content());
        await run(vault).catch((retried) =>
          expect(retried).toMatchObject({ code: 'ERR_CONFLICT' }),
        );
        expect(await content()).toEqual(after);
      }
    }
  });
});

it('a late answer is waited for', async () => {
  const { faulty, vault } = await prepared();
  faulty.fail('get', { delayMs: 30 });
  const started = performance.now();
  expect((await vault.require('t', 'custom')).a).toBe('old');
  expect(performance.now() - started).toBeGreaterThanOrEqual(29);
});

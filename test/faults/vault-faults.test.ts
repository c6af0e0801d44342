import {
  checkHealth,
  copyRecords,
  defineProvider,
  isVaultError,
  Keyring,
  MemorySecretStore,
  migrateFromSettings,
  OperationError,
  refreshDue,
  reindexLookup,
  rotateKeys,
  SecretsVault,
  verifyVault,
} from 'provider-vault';
import { type FaultyMethod, FaultyStore } from 'provider-vault/testing';
import { describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';
import { settingsRows } from '../support/settings-rows.ts';

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
  require: { run: (vault) => vault.require('t', 'custom'), after: BEFORE },
  fresh: { run: (vault) => vault.fresh('t', 'custom'), after: BEFORE },
  getSecret: { run: (vault) => vault.getSecret('t', 'a'), after: BEFORE },
  getAllSecrets: { run: (vault) => vault.getAllSecrets('t'), after: BEFORE },
  status: { run: (vault) => vault.status('t'), after: BEFORE },
  findTenants: { run: (vault) => vault.findTenants(account, { id: '7' }), after: BEFORE },
  getMany: {
    run: (vault) => vault.getMany([{ tenantId: 't', provider: 'custom' }]),
    after: BEFORE,
  },
  rollback: { run: (vault) => vault.rollback('t', 'custom', 1), after: OLDER },
  history: { run: (vault) => vault.history('t', 'custom'), after: BEFORE },
  setSecret: {
    run: (vault) => vault.setSecret('t', 'a', 'new'),
    after: { a: 'new', b: 'old' },
  },
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

it('every method of a vault that uses the store is among the operations', () => {
  const methods = Object.getOwnPropertyNames(SecretsVault.prototype);
  const others = ['constructor', 'checkForm', 'tenant', 'invalidate', 'close'];
  expect(Object.keys(operations)).toEqual(
    expect.arrayContaining(methods.filter((name) => !others.includes(name))),
  );
});

async function prepared() {
  const inner = new MemorySecretStore();
  const faulty = new FaultyStore(inner);
  const keys = new Keyring({ encryptionKey: newKey() });
  const vault = new SecretsVault({ store: faulty.store, keys, lookupKey: newKey() });
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

const account = defineProvider({
  name: 'account',
  fields: {
    id: { label: 'Id', secret: false, lookup: true },
    token: { label: 'Token', secret: true, settingsKey: 'account_token' },
    until: { label: 'Until', secret: false },
  },
  complete: [['token']],
  test: async () => ({ ok: true }),
  refresh: {
    expiresAt: 'until',
    exchange: async ({ fields }) => ({
      token: `${fields.token} renewed`,
      until: '2099-01-01T00:00:00Z',
    }),
  },
});
const TENANTS = ['a', 'b', 'c'];
const until = '2026-01-01T00:00:00Z';

/** Operations over all tenants, with the content that they leave of each. */
const longOperations: Record<
  string,
  { run: (vault: SecretsVault, target: MemorySecretStore) => Promise<unknown>; token: string }
> = {
  rotateKeys: { run: (vault) => rotateKeys(vault, { batchSize: 2 }), token: 'old' },
  verifyVault: { run: (vault) => verifyVault(vault, { batchSize: 2 }), token: 'old' },
  reindexLookup: { run: (vault) => reindexLookup(vault, { batchSize: 2 }), token: 'old' },
  refreshDue: { run: (vault) => refreshDue(vault, { withinMs: 60_000 }), token: 'old renewed' },
  checkHealth: {
    run: (vault) => checkHealth(vault, { batchSize: 2, maxPerSecond: 1_000 }),
    token: 'old renewed',
  },
  copyRecords: {
    run: (vault, target) =>
      copyRecords(storeOf.get(vault) as MemorySecretStore, target, { batchSize: 2 }),
    token: 'old',
  },
  migrateFromSettings: {
    run: (vault) =>
      migrateFromSettings(vault, {
        settings: settingsRows(...TENANTS.map((id) => ({ user_id: id, account_token: 'old' }))),
      }),
    token: 'old',
  },
};
const storeOf = new WeakMap<SecretsVault, MemorySecretStore>();

async function preparedTenants() {
  const inner = new MemorySecretStore();
  const faulty = new FaultyStore(inner);
  const [key, lookupKey] = [newKey(), newKey()];
  const past = new Keyring({ encryptionKey: key });
  const keys = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
  const options = { providers: [account], lookupKey };
  const vault = new SecretsVault({ store: faulty.store, keys, ...options });
  storeOf.set(vault, faulty.store as MemorySecretStore);
  const before = new SecretsVault({ store: inner, keys: past, providers: [account] });
  for (const tenantId of TENANTS)
    await before.put(tenantId, account, { id: tenantId, token: 'old', until });
  const target = new MemorySecretStore();
  const tokens = (store: MemorySecretStore) =>
    Promise.all(
      TENANTS.map(async (tenantId) => {
        const healthy = new SecretsVault({ store, keys, ...options });
        return (await healthy.get(tenantId, account))?.token;
      }),
    );
  return { faulty, inner, vault, target, tokens };
}

describe.each(Object.entries(longOperations))('%s', (name, { run, token }) => {
  it('loses nothing, says that it failed, and ends its work when it is run again', async () => {
    const dry = await preparedTenants();
    await run(dry.vault, dry.target);
    const calls = [...dry.faulty.calls];
    expect(calls.length).toBeGreaterThan(0);
    for (const [at, method] of calls.entries()) {
      const nth = calls.slice(0, at + 1).filter((called) => called === method).length;
      for (const fault of ['before', 'after'] as const) {
        const { faulty, inner, vault, target, tokens } = await preparedTenants();
        faulty.fail(method as FaultyMethod, fault, nth);
        const failed = await run(vault, target).then(
          (report) => report as { failedCount?: number },
          (error: unknown) => {
            expect(error).toBeInstanceOf(OperationError);
            expect(isVaultError(error, 'ERR_STORE_UNAVAILABLE')).toBe(true);
            return undefined;
          },
        );
        for (const left of await tokens(inner)) expect(['old', token]).toContain(left);
        await run(vault, target);
        const done = name === 'copyRecords' ? target : inner;
        expect({ at, method, fault, failed, tokens: await tokens(done) }).toMatchObject({
          tokens: TENANTS.map(() => token),
        });
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

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import {
  checkHealth,
  copyRecords,
  defineClientFactory,
  defineProvider,
  eraseTenant,
  FileKeyStore,
  FileSecretStore,
  Keyring,
  type KeyStore,
  MemoryKeyStore,
  MemorySecretStore,
  MongoKeyStore,
  MongoSecretStore,
  refreshDue,
  reindexLookup,
  renewKeys,
  rotateCredential,
  rotateDue,
  rotateKeys,
  type SecretStore,
  SecretsVault,
  TenantKeys,
  testConnection,
  verifyVault,
} from 'provider-vault';
import { localWrapper } from 'provider-vault/kms';
import { PostgresKeyStore, PostgresSecretStore } from 'provider-vault/postgres';
import { createSettingsHandler } from 'provider-vault/settings';
import { afterAll, describe, expect, it } from 'vitest';
import { testDatabase } from '../support/database.ts';
import { newKey } from '../support/fixtures.ts';
import { pgliteFunctions } from '../support/postgres.ts';

const { db } = await testDatabase();
const folder = await mkdtemp(join(tmpdir(), 'two-tenants-'));
const pglite = new PGlite();
afterAll(async () => {
  await rm(folder, { recursive: true });
  await pglite.close();
});

/** Each makes empty stores, of records and of keys; the name is new each time. */
const stores: Record<string, (name: string) => [SecretStore, KeyStore]> = {
  memory: () => [new MemorySecretStore(), new MemoryKeyStore()],
  file: (name) => [
    new FileSecretStore(join(folder, `${name}.json`)),
    new FileKeyStore(join(folder, `${name}-keys.json`)),
  ],
  MongoDB: (name) => [
    new MongoSecretStore(db, { collection: name }),
    new MongoKeyStore(db, { collection: `${name}_keys` }),
  ],
  PostgreSQL: (name) => {
    const { query } = pgliteFunctions(pglite);
    return [
      new PostgresSecretStore(query, { table: name }),
      new PostgresKeyStore(query, { table: `${name}_keys` }),
    ];
  },
};

// Names that a collation, a normalization, a trim, a pattern or a path takes for the same.
const PAIRS = [
  ['acme', 'Acme'],
  ['acme', 'acme '],
  ['caf\u00e9', 'cafe\u0301'],
  ['acme', 'acme%'],
  ['a.b', 'a_b'],
  ['acme', 'acme:custom'],
  ['1', '01'],
  ['ß', 'ss'],
  ['*', 'a'],
] as const;

const token = defineProvider({
  name: 'token',
  fields: {
    number: { label: 'Number', secret: false, lookup: true },
    secret: { label: 'Secret', secret: true },
    until: { label: 'Until', secret: false },
  },
  complete: [['secret']],
  test: async ({ fields }) => ({ ok: true, detail: String(fields.secret) }),
  refresh: {
    expiresAt: 'until',
    exchange: async ({ fields }) => ({
      secret: `${fields.secret}, renewed`,
      until: '2099-01-01T00:00:00Z',
    }),
  },
  rotate: {
    replaces: () => ['secret'],
    create: async ({ fields }) => ({ secret: `${fields.secret}, rotated` }),
    discard: async () => {},
    works: async ({ fields }) => String(fields.secret).endsWith('rotated'),
    revoke: async () => {},
  },
});
const getClient = defineClientFactory(token, ({ fields }) => ({ ...fields }));

/** Every call that reads or writes a tenant's credentials; what it returns is all that it learns. */
const calls: Record<
  string,
  (vault: SecretsVault, tenantId: string, mark: string) => Promise<unknown>
> = {
  get: (vault, tenantId) => vault.get(tenantId, token).then((found) => found?.reveal()),
  require: (vault, tenantId) => vault.require(tenantId, 'token').then((found) => found.reveal()),
  fresh: (vault, tenantId) => vault.fresh(tenantId, token).then((found) => found.reveal()),
  getMany: (vault, tenantId) =>
    vault
      .getMany([{ tenantId, provider: 'token' }])
      .then((found) => found.map(({ credentials }) => credentials?.reveal())),
  getSecret: (vault, tenantId) => vault.getSecret(tenantId, 'own_key'),
  getAllSecrets: (vault, tenantId) => vault.getAllSecrets(tenantId).then((all) => all.reveal()),
  getClient: (vault, tenantId) => getClient(vault, { tenantId }),
  tenant: (vault, tenantId) => vault.tenant(tenantId).getAllSecrets(),
  page: (vault, tenantId) => {
    const identify = () => ({ tenantId, actor: 'ann', may: { read: true } });
    const options = { vault, providers: [token], basePath: '/settings', identify };
    const request = new Request('https://crm.example/settings');
    return createSettingsHandler(options)(request).then((response) => response.json());
  },
  list: (vault, tenantId) => vault.list(tenantId),
  status: (vault, tenantId) => vault.status(tenantId),
  history: (vault, tenantId) => vault.history(tenantId, 'token'),
  findTenants: (vault, _tenantId, mark) => vault.findTenants(token, { number: mark }),
  testConnection: (vault, tenantId) => testConnection(vault, { tenantId, provider: token }),
  rotateCredential: (vault, tenantId) =>
    rotateCredential(vault, { tenantId, provider: token, graceMs: 0 }),
  patch: (vault, tenantId, mark) => vault.patch(tenantId, token, { secret: `${mark}, patched` }),
  applyForm: (vault, tenantId, mark) =>
    vault.applyForm(tenantId, token, { secret: `${mark}, form` }),
  setSecret: (vault, tenantId, mark) => vault.setSecret(tenantId, 'own_key', `${mark}, set`),
  setSecrets: (vault, tenantId, mark) => vault.setSecrets(tenantId, { own_key: `${mark}, all` }),
  rollback: (vault, tenantId) => vault.rollback(tenantId, 'token', 1),
  purgeHistory: (vault, tenantId) => vault.purgeHistory(tenantId, 'token'),
  invalidate: async (vault, tenantId) => vault.invalidate(tenantId),
  deleteSecret: (vault, tenantId) => vault.deleteSecret(tenantId, 'own_key'),
  delete: (vault, tenantId) => vault.delete(tenantId, 'token'),
  put: (vault, tenantId, mark) =>
    vault.put(tenantId, token, { number: mark, secret: `${mark}, put`, until: 'now' }),
  eraseTenant: (vault, tenantId) => eraseTenant(vault, tenantId),
};

it('every method of a vault is among the calls', () => {
  const methods = Object.getOwnPropertyNames(SecretsVault.prototype);
  const ofNoTenant = ['constructor', 'checkForm', 'close'];
  expect(Object.keys(calls)).toEqual(
    expect.arrayContaining(methods.filter((name) => !ofNoTenant.includes(name))),
  );
});

describe.each(Object.entries(stores))('%s', (name, open) => {
  let opened = 0;

  it.each(PAIRS)('keeps %j and %j apart in every call', async (one, other) => {
    const [store, keyStore] = open(`${name.toLowerCase()}${++opened}`);
    await Promise.all([store.init?.(), keyStore.init?.()]);
    const wrapper = localWrapper(new Keyring({ encryptionKey: newKey() }));
    const keys = new TenantKeys({ wrapper, store: keyStore });
    const options = { store, keys, providers: [token], lookupKey: newKey() };
    const vault = new SecretsVault({ ...options, cache: { ttlMs: 60_000, max: 10 } });
    const raw = async (tenantId: string) => JSON.stringify(await store.list(tenantId));
    const rawKeys = async (tenantId: string) => JSON.stringify(await keyStore.get(tenantId));
    const marks = { [one]: 'mark of one', [other]: 'mark of other' };
    for (const [tenantId, mark] of Object.entries(marks)) {
      for (const secret of ['older', 'old']) {
        await vault.put(tenantId, token, {
          number: mark,
          secret: `${mark}, ${secret}`,
          until: '2026-01-01T00:00:00Z',
        });
      }
      await vault.setSecret(tenantId, 'own_key', `${mark}, own`);
    }
    for (const [tenantId, stranger] of [
      [one, other],
      [other, one],
    ] as const) {
      const before = [await raw(stranger), await rawKeys(stranger)];
      for (const [name, call] of Object.entries(calls)) {
        const learned =
          JSON.stringify(await call(vault, tenantId, marks[tenantId] as string)) ?? '';
        expect(`${name}: ${learned}`).not.toContain(marks[stranger]);
        expect([await raw(stranger), await rawKeys(stranger)], name).toEqual(before);
      }
      expect(await raw(tenantId)).toBe('[]');
      await keys.renew(tenantId);
      await calls.put?.(vault, tenantId, marks[tenantId] as string);
    }
    // What goes over all tenants moves nothing between them.
    await checkHealth(vault, { maxPerSecond: 1_000 });
    await refreshDue(vault);
    await rotateDue(vault, { olderThanMs: 0, graceMs: 0 });
    await renewKeys(vault);
    await rotateKeys(vault);
    await reindexLookup(vault);
    const copy = new MemorySecretStore();
    await copyRecords(store, copy);
    for (const at of [vault, new SecretsVault({ ...options, store: copy })]) {
      expect(await verifyVault(at)).toMatchObject({ ok: 2, foreign: 0, tampered: 0 });
      for (const tenantId of [one, other]) {
        const { secret } = await at.require(tenantId, token);
        expect(secret).toBe(`${marks[tenantId]}, put, renewed, rotated`);
        const number = marks[tenantId] as string;
        expect(await at.findTenants(token, { number })).toEqual([tenantId]);
      }
    }
    await vault.close();
  });
});

import assert from 'node:assert/strict';
import { type Db, type FindOptions, MongoClient } from 'mongodb';
import type { SecretStore } from 'provider-vault';
import { compare, type Ways } from './compare.ts';
import { handRead, handSeal } from './hand-written.ts';
import { type Library, newKey, sampleFields, sampleProvider } from './sample.ts';
import type { Table } from './table.ts';

const MANY = 100;
// Where a short slice would hold two or three calls only.
const coarse = { rounds: 61, sliceMs: 60 };

/** What a vault on MongoDB adds to the driver and node:crypto. */
export async function vault(library: Library, db: Db, uri: string): Promise<Table> {
  const { Keyring, MemorySecretStore, MongoSecretStore, SecretsVault } = library;
  const raw = db.collection('secrets');
  const key = newKey();
  const store = new MongoSecretStore(db);
  await store.init();
  const keys = new Keyring({ encryptionKey: key.text });
  const vault = new SecretsVault({ store, keys });

  const provider = sampleProvider;
  const tenants = Array.from({ length: MANY }, (_, n) => `tenant-${n}`);
  for (const tenant of [...tenants, 'once']) await vault.put(tenant, provider, sampleFields);
  for (let version = 0; version < 6; version++) {
    await vault.put('often', provider, { ...sampleFields, version: String(version) });
  }

  const get = (tenantId: string, options: FindOptions = {}) => ({
    byHand: async () => {
      const found = await raw.findOne({ tenantId, provider }, options);
      return handRead(found?.data, key.object);
    },
    library: () => vault.get(tenantId, provider),
  });
  const getMany = {
    byHand: async () => {
      const filter = { provider, tenantId: { $in: tenants } };
      // All in the first reply: a second one would be a second round trip.
      const found = await raw.find(filter, { batchSize: MANY + 1 }).toArray();
      return new Map(found.map(({ tenantId, data }) => [tenantId, handRead(data, key.object)]));
    },
    library: () => vault.getMany(tenants.map((tenantId) => ({ tenantId, provider }))),
  };
  let conditional = 0;
  const put = {
    byHand: async () => {
      const found = await raw.findOne({ tenantId: 'by-hand', provider });
      const data = handSeal(JSON.stringify(sampleFields), key.object);
      const { matchedCount } = await raw.updateOne(
        { _id: found?._id as never, data: found?.data },
        { $set: { data } },
        { writeConcern: { w: 'majority', journal: true } },
      );
      conditional += matchedCount;
    },
    library: () => vault.put('by-vault', provider, sampleFields),
  };
  await vault.put('by-hand', provider, sampleFields);

  // Both ways must give the same, or there is nothing to compare.
  const { $bind, ...byHand } = await get('once').byHand();
  assert.deepEqual(byHand, { ...(await get('once').library())?.reveal() });
  assert.equal((await getMany.byHand()).size, (await getMany.library()).length);
  await put.byHand();
  assert.equal(conditional, 1);

  return {
    'get : findOne + open': await compare(get('once')),
    'get, 64 at once': await compare(get('once'), { ...coarse, concurrency: 64 }),
    'get, 5 earlier versions stored': await compare(get('often', { projection: { history: 0 } })),
    'getMany of 100 : one $in + open': await compare(getMany, coarse),
    'put : findOne + seal + compare-and-set': await compare(put),
    'commands of a get': {
      count: await commandsOf(uri, (client) => {
        const counted = new SecretsVault({
          store: new MongoSecretStore(client.db(db.databaseName)),
          keys,
        });
        return () => counted.get('once', provider);
      }),
    },
    'get with warm tenant keys : get with a keyring': await compare(
      await tenantKeys(library, store),
    ),
    'the same from memory': await compare(await tenantKeys(library, new MemorySecretStore())),
  };
}

/** How many commands the second call of an operation sends. */
async function commandsOf(
  uri: string,
  prepare: (client: MongoClient) => () => Promise<unknown>,
): Promise<number> {
  const client = await MongoClient.connect(uri, { monitorCommands: true });
  const operation = prepare(client);
  let count = 0;
  await operation(); // the first one also looks at the collection
  client.on('commandStarted', () => count++);
  await operation();
  const sent = count; // to close the client takes another one
  await client.close();
  return sent;
}

/** A get by a key in a keyring (in the place of the hand-written way), and by a tenant's own. */
async function tenantKeys(
  { Keyring, MemoryKeyStore, open, SecretsVault, seal, TenantKeys }: Library,
  store: SecretStore,
): Promise<Ways> {
  const kms = newKey().text;
  const keys = new TenantKeys({
    store: new MemoryKeyStore(),
    wrapper: {
      id: 'bench',
      wrap: async (key) => Buffer.from(seal(key, kms), 'base64'),
      unwrap: async (wrapped) => open(Buffer.from(wrapped).toString('base64'), kms),
    },
  });
  const byTenant = new SecretsVault({ store, keys });
  const byKeyring = new SecretsVault({
    store,
    keys: new Keyring({ encryptionKey: newKey().text }),
  });
  await byTenant.put('by-tenant', sampleProvider, sampleFields);
  await byKeyring.put('by-keyring', sampleProvider, sampleFields);
  return {
    byHand: () => byKeyring.get('by-keyring', sampleProvider),
    library: () => byTenant.get('by-tenant', sampleProvider),
  };
}

import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { BSON } from 'mongodb';
import type { SecretRecord, SecretRef, SecretStore } from 'provider-vault';
import { type Library, newKey } from './sample.ts';
import type { Table } from './table.ts';

const MEBI = 2 ** 20;
const MILLION = 1_000_000;
const HOUR = 3_600_000;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use, of JavaScript with its buffers, and of the whole process. */
async function used() {
  for (let pass = 0; pass < 3; pass++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed + external, resident: rss };
}

const tenantId = (n: number) => `tenant-${String(n).padStart(7, '0')}`;
const hex = (bytes: number) => randomBytes(bytes).toString('hex');

/** A store that has a Twilio account of every tenant that it is asked for, and keeps nothing. */
function endlessStore({ MemorySecretStore, seal }: Library, key: string, keyId: string) {
  const record = ({ tenantId, provider }: SecretRef): SecretRecord => {
    const at = new Date();
    const fields = { accountSid: `AC${hex(16)}`, authToken: hex(16), phoneNumber: '+14155550100' };
    const content = { ...fields, $bind: { t: tenantId, p: provider, r: 1 } };
    const metadata = { rev: 1, keyId, createdAt: at, updatedAt: at };
    return { tenantId, provider, data: seal(JSON.stringify(content), key), metadata };
  };
  const get = async (ref: SecretRef) => record(ref);
  const store: SecretStore = Object.assign(new MemorySecretStore(), { get, watch: undefined });
  return { store, record };
}

/** Memory of a process that serves a million tenants, and the size of their documents. */
export async function memory(library: Library): Promise<Table> {
  const { getTwilioClient, Keyring, MemoryKeyStore, SecretsVault, TenantKeys } = library;
  const key = newKey().text;
  const keys = new Keyring({ encryptionKey: key });
  const { store, record } = endlessStore(library, key, keys.encryptionKeyId);
  const table: Table = {};
  const measure = async (name: string, count: number, fill: () => Promise<object>) => {
    const before = await used();
    const kept = await fill();
    const after = await used();
    table[name] = {
      'MiB in use': (after.heap - before.heap) / MEBI,
      'bytes each': Math.round((after.heap - before.heap) / count),
      'MiB resident, whole process': Math.round(after.resident / MEBI),
    };
    console.error(name, table[name]); // the million takes a minute
    return kept;
  };
  const cacheOf = (count: number) => async () => {
    const vault = new SecretsVault({ store, keys, cache: { ttlMs: HOUR, max: count } });
    for (let n = 0; n < count; n++) await vault.require(tenantId(n), 'twilio');
    return vault;
  };

  const { resident } = await used();
  table['a process that has loaded the library'] = {
    'MiB resident, whole process': Math.round(resident / MEBI),
  };
  await measure('1,000 records in the cache (the default)', 1_000, cacheOf(1_000));
  await measure('100,000 records in the cache', 100_000, cacheOf(100_000));
  await measure('1,000,000 records in the cache', MILLION, cacheOf(MILLION));
  const asked = new SecretsVault({ store, keys, cache: { ttlMs: HOUR, max: 1_000 } });
  await measure('100,000 tenants asked for, 1,000 of them in the cache', 1_000, async () => {
    for (let n = 0; n < 100_000; n++) await asked.require(tenantId(n), 'twilio');
    return asked;
  });
  const wrapper = {
    id: 'bench',
    wrap: async (bytes: Uint8Array) => Buffer.from(library.seal(bytes, key), 'base64'),
    unwrap: async (bytes: Uint8Array) => library.open(Buffer.from(bytes).toString('base64'), key),
  };
  const keyStore = new MemoryKeyStore();
  const makeKeys = new TenantKeys({ wrapper, store: keyStore, cache: { max: 1 } });
  for (let n = 0; n < 10_000; n++) {
    await makeKeys.encryptionKey({ tenantId: tenantId(n), provider: 'twilio' });
  }
  await measure('10,000 tenant keys in memory (the default)', 10_000, async () => {
    const tenantKeys = new TenantKeys({ wrapper, store: keyStore });
    for (let n = 0; n < 10_000; n++) {
      await tenantKeys.encryptionKey({ tenantId: tenantId(n), provider: 'twilio' });
    }
    return tenantKeys;
  });
  await getTwilioClient(asked, { tenantId: tenantId(0), env: {} }); // loads the SDK
  const vault = new SecretsVault({ store, keys, maxClients: 500 });
  await measure('500 Twilio clients (the default), of 2,000 tenants', 500, async () => {
    for (let n = 0; n < 2_000; n++)
      await getTwilioClient(vault, { tenantId: tenantId(n), env: {} });
    return vault;
  });

  const document = {
    _id: `${tenantId(0)}/twilio`,
    ...record({ tenantId: tenantId(0), provider: 'twilio' }),
  };
  const bytes = BSON.calculateObjectSize(document);
  table['1,000,000 documents, as BSON, no history'] = {
    'MiB in use': (bytes * MILLION) / MEBI,
    'bytes each': bytes,
  };
  return table;
}

import assert from 'node:assert/strict';
import type { Collection, Db } from 'mongodb';
import { compare, timed } from './compare.ts';
import { handRead, handSeal } from './hand-written.ts';
import { type Library, newKey, sampleFields, sampleProvider } from './sample.ts';
import type { Table } from './table.ts';

type Key = ReturnType<typeof newKey>;

const BATCH = 500;

/**
 * What one record costs as their number grows: in rotateKeys, in verifyVault, and read by its tenant;
 * and how much memory the process takes at most.
 */
export async function growth(
  { Keyring, MongoSecretStore, rotateKeys, SecretsVault, verifyVault }: Library,
  db: Db,
  sizes: readonly number[],
): Promise<Table> {
  const store = new MongoSecretStore(db);
  await store.init();
  const raw = db.collection('secrets');
  let key = newKey();
  let stored = 0;
  const table: Table = {};
  for (const size of sizes) {
    const { encryptionKeyId } = new Keyring({ encryptionKey: key.text });
    while (stored < size) {
      const count = Math.min(BATCH, size - stored);
      await raw.insertMany(
        Array.from({ length: count }, (_, n) => record(stored + n, key, encryptionKeyId)),
      );
      stored += count;
    }
    const next = newKey();
    const both = new Keyring({ encryptionKey: next.text, decryptionKeys: [key.text] });
    const vault = new SecretsVault({ store, keys: both });
    const rotation = await measured(size, async (options) => {
      assert.equal((await rotateKeys(vault, options)).rotated, size);
    });
    key = next;
    const verification = await measured(size, async (options) => {
      assert.equal((await verifyVault(vault, options)).scanned, size);
    });
    const get = await compare(reads(vault, raw, key, size));
    table[`${size.toLocaleString('en')} records`] = {
      'rotateKeys, µs each': rotation.each,
      'peak heap, MB': rotation.heap,
      'verifyVault, µs each': verification.each,
      'peak heap, MB ': verification.heap,
      'get, µs': get['library, µs'] as number,
      'get : findOne + open': get['time library : by hand'] as number,
    };
  }
  return table;
}

/** A record as the vault writes it. */
function record(n: number, key: Key, keyId: string) {
  const tenantId = `tenant-${n}`;
  const content = { ...sampleFields, $bind: { t: tenantId, p: sampleProvider, r: 1 } };
  const at = new Date();
  return {
    _id: `${tenantId}/${sampleProvider}` as never,
    tenantId,
    provider: sampleProvider,
    data: handSeal(JSON.stringify(content), key.object),
    metadata: { rev: 1, keyId, createdAt: at, updatedAt: at },
  };
}

/** Reads of one record each, of tenants by chance. */
function reads(
  vault: InstanceType<Library['SecretsVault']>,
  raw: Collection,
  key: Key,
  size: number,
) {
  const anyTenant = () => `tenant-${Math.floor(Math.random() * size)}`;
  return {
    byHand: async () => {
      const found = await raw.findOne({ tenantId: anyTenant(), provider: sampleProvider });
      return handRead(found?.data, key.object);
    },
    library: () => vault.get(anyTenant(), sampleProvider),
  };
}

interface Measured {
  readonly each: number;
  readonly heap: number;
}

/** Microseconds per record, and the most memory that the process's heap took meanwhile. */
async function measured(
  count: number,
  operate: (options: { batchSize: number; onProgress: () => void }) => Promise<void>,
): Promise<Measured> {
  let heap = 0;
  const onProgress = () => {
    heap = Math.max(heap, process.memoryUsage().heapUsed);
  };
  const took = await timed(() => operate({ batchSize: BATCH, onProgress }));
  return { each: (took / count) * 1000, heap: heap / 2 ** 20 };
}

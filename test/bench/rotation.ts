import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import type { Collection, Db } from 'mongodb';
import { compareSpeeds } from './compare.ts';
import { handOpen, handRead, handSeal } from './hand-written.ts';
import { type Library, newKey, sampleFields, sampleProvider } from './sample.ts';
import type { Table } from './table.ts';

type Key = ReturnType<typeof newKey>;

const RECORDS = 2000;
const BATCH = 500;
const ROUNDS = 11;

/** How fast rotateKeys and verifyVault go, against the leanest loop that does the same. */
export async function rotation(
  { Keyring, MongoSecretStore, rotateKeys, SecretsVault, verifyVault }: Library,
  db: Db,
): Promise<Table> {
  const store = new MongoSecretStore(db);
  await store.init();
  let key = newKey();
  const keys = new Keyring({ encryptionKey: key.text });
  const first = new SecretsVault({ store, keys });
  for (let n = 0; n < RECORDS; n += 50) {
    const tenants = Array.from({ length: 50 }, (_, at) => `tenant-${n + at}`);
    await Promise.all(tenants.map((tenant) => first.put(tenant, sampleProvider, sampleFields)));
  }
  const raw = db.collection('by_hand');
  await raw.insertMany(await db.collection('secrets').find().toArray());
  const batchSize = BATCH;

  let rawKey = key;
  const rotateByHand = async () => {
    const next = newKey();
    const took = await timed(async () => {
      assert.equal(await rotateRaw(raw, rawKey, next), RECORDS);
    });
    rawKey = next;
    return took;
  };
  const rotateByLibrary = async () => {
    const next = newKey();
    const both = new Keyring({ encryptionKey: next.text, decryptionKeys: [key.text] });
    const vault = new SecretsVault({ store, keys: both });
    const took = await timed(async () => {
      assert.equal((await rotateKeys(vault, { batchSize })).rotated, RECORDS);
    });
    key = next;
    return took;
  };
  const rotate = await compareSpeeds(RECORDS, rotateByHand, rotateByLibrary, ROUNDS);

  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key.text }) });
  const verify = await compareSpeeds(
    RECORDS,
    () =>
      timed(async () => {
        let opened = 0;
        for await (const { data } of raw.find({}, { projection: { data: 1 }, batchSize })) {
          if (handRead(data, rawKey.object)) opened++;
        }
        assert.equal(opened, RECORDS);
      }),
    () =>
      timed(async () => {
        assert.equal((await verifyVault(vault, { batchSize })).scanned, RECORDS);
      }),
    ROUNDS,
  );
  return {
    'rotateKeys : cursor, open, seal, bulkWrite': rotate,
    'verifyVault : cursor, open, JSON.parse': verify,
  };
}

/** Reads on while up to four batches are written, as the library does by default. */
async function rotateRaw(raw: Collection, from: Key, to: Key): Promise<number> {
  let rotated = 0;
  const underway = new Set<Promise<void>>();
  const write = async (page: { _id: unknown; data: string }[]) => {
    const operations = page.map(({ _id, data }) => ({
      updateOne: {
        filter: { _id: _id as never, data },
        update: { $set: { data: handSeal(handOpen(data, from.object), to.object) } },
      },
    }));
    const { modifiedCount } = await raw.bulkWrite(operations, {
      ordered: false,
      writeConcern: { w: 'majority', journal: true },
    });
    rotated += modifiedCount;
  };
  let page: { _id: unknown; data: string }[] = [];
  const flush = () => {
    const written = write(page).finally(() => underway.delete(written));
    underway.add(written);
    page = [];
  };
  for await (const { _id, data } of raw.find({}, { projection: { data: 1 }, batchSize: BATCH })) {
    page.push({ _id, data });
    if (page.length < BATCH) continue;
    flush();
    if (underway.size >= 4) await Promise.race(underway);
  }
  if (page.length > 0) flush();
  await Promise.all(underway);
  return rotated;
}

async function timed(operate: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await operate();
  return performance.now() - started;
}

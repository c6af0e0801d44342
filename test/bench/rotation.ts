import assert from 'node:assert/strict';
import type { Collection, Db, WithId } from 'mongodb';
import { compareSpeeds, timed } from './compare.ts';
import { handOpen, handRead, handSeal } from './hand-written.ts';
import { type Library, newKey, sampleFields, sampleProvider } from './sample.ts';
import type { Table } from './table.ts';

type Key = ReturnType<typeof newKey>;
interface Sealed {
  data: string;
  metadata: { rev: number; keyId: string };
}

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
  // What is compared must leave the same behind: records under their indexes, with their revision and key id.
  await new MongoSecretStore(db, { collection: 'by_hand' }).init();
  const raw = db.collection<Sealed>('by_hand');
  await raw.insertMany(await db.collection<Sealed>('secrets').find().toArray());
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
async function rotateRaw(raw: Collection<Sealed>, from: Key, to: Key): Promise<number> {
  let rotated = 0;
  const underway = new Set<Promise<void>>();
  const keyId = to.text.slice(0, 8);
  const write = async (page: WithId<Sealed>[]) => {
    const operations = page.map(({ _id, data, metadata: { rev } }) => {
      const $set = {
        data: handSeal(handOpen(data, from.object), to.object),
        'metadata.rev': rev + 1,
        'metadata.keyId': keyId,
      };
      return { updateOne: { filter: { _id, data }, update: { $set } } };
    });
    const { modifiedCount } = await raw.bulkWrite(operations, {
      ordered: false,
      writeConcern: { w: 'majority', journal: true },
    });
    rotated += modifiedCount;
  };
  let page: WithId<Sealed>[] = [];
  const flush = () => {
    const written = write(page).finally(() => underway.delete(written));
    underway.add(written);
    page = [];
  };
  const projection = { data: 1, 'metadata.rev': 1 };
  for await (const record of raw.find({}, { projection, batchSize: BATCH })) {
    page.push(record as WithId<Sealed>);
    if (page.length < BATCH) continue;
    flush();
    if (underway.size >= 4) await Promise.race(underway);
  }
  if (page.length > 0) flush();
  await Promise.all(underway);
  return rotated;
}

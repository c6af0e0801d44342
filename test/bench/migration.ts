import assert from 'node:assert/strict';
import type { Collection, Db } from 'mongodb';
import { compareSpeeds, timed } from './compare.ts';
import { handSeal } from './hand-written.ts';
import { type Library, newKey } from './sample.ts';
import type { Table } from './table.ts';

type Key = ReturnType<typeof newKey>;

const DOCUMENTS = 2000;
const BATCH = 500;
const ROUNDS = 11;
const PROVIDERS = 2; // that each document holds credentials of

/** A document of the old settings. */
const settingsOf = (n: number) => ({
  user_id: `tenant-${n}`,
  twilio_account_sid: `AC${'0'.repeat(32)}`,
  twilio_auth_token: '0f'.repeat(16),
  twilio_phone_number: '+15005550006',
  sendgrid_api_key: `SG.${'x'.repeat(22)}.${'y'.repeat(43)}`,
  theme: 'dark',
});
type Settings = ReturnType<typeof settingsOf>;

/** How fast migrateFromSettings goes, against the leanest loop that overwrites nothing either. */
export async function migration(
  { Keyring, migrateFromSettings, MongoSecretStore, SecretsVault }: Library,
  db: Db,
): Promise<Table> {
  const settings = db.collection<Settings>('settings');
  await settings.insertMany(Array.from({ length: DOCUMENTS }, (_, n) => settingsOf(n)));
  const key = newKey();
  const store = new MongoSecretStore(db);
  await store.init();
  const raw = db.collection('by_hand');
  await raw.createIndex({ tenantId: 1, provider: 1 }, { unique: true });
  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key.text }) });

  const byHand = async () => {
    await raw.deleteMany({});
    return timed(async () => {
      assert.equal(await migrateRaw(settings, raw, key), DOCUMENTS * PROVIDERS);
    });
  };
  const byLibrary = async () => {
    await db.collection('secrets').deleteMany({});
    return timed(async () => {
      const { scanned, failedCount } = await migrateFromSettings(vault, {
        settings: db.collection('settings'),
        batchSize: BATCH,
      });
      assert.equal(scanned - failedCount, DOCUMENTS);
    });
  };
  return {
    'migrateFromSettings : cursor, $in, seal, insertMany': await compareSpeeds(
      DOCUMENTS,
      byHand,
      byLibrary,
      ROUNDS,
    ),
  };
}

/** Reads on while up to four batches are written, as the library does by default. */
async function migrateRaw(from: Collection<Settings>, to: Collection, key: Key): Promise<number> {
  let inserted = 0;
  const underway = new Set<Promise<void>>();
  const write = async (page: readonly Settings[]) => {
    const tenantId = { $in: page.map(({ user_id }) => user_id) };
    const provider = { $in: ['twilio', 'sendgrid'] };
    const stored = await to.find({ tenantId, provider }, { batchSize: 2 * BATCH + 1 }).toArray();
    const known = new Set(stored.map((record) => `${record.tenantId}/${record.provider}`));
    const at = new Date();
    const records = page.flatMap((document) => {
      const tenantId = document.user_id;
      const seal = (provider: string, fields: Record<string, string>) => ({
        tenantId,
        provider,
        data: handSeal(JSON.stringify(fields), key.object),
        metadata: { rev: 1, createdAt: at, updatedAt: at },
      });
      return [
        seal('twilio', {
          accountSid: document.twilio_account_sid,
          authToken: document.twilio_auth_token,
          phoneNumber: document.twilio_phone_number,
        }),
        seal('sendgrid', { apiKey: document.sendgrid_api_key }),
      ].filter(({ provider }) => !known.has(`${tenantId}/${provider}`));
    });
    const { insertedCount } = await to.insertMany(records, {
      ordered: false,
      writeConcern: { w: 'majority', journal: true },
    });
    inserted += insertedCount;
  };
  let page: Settings[] = [];
  const flush = () => {
    const written = write(page).finally(() => underway.delete(written));
    underway.add(written);
    page = [];
  };
  for await (const document of from.find({}, { batchSize: BATCH })) {
    page.push(document);
    if (page.length < BATCH) continue;
    flush();
    if (underway.size >= 4) await Promise.race(underway);
  }
  if (page.length > 0) flush();
  await Promise.all(underway);
  return inserted;
}

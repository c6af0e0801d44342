import { once } from 'node:events';
import { MongoClient } from 'mongodb';
import {
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  rotateKeys,
  SecretsVault,
} from 'provider-vault';

// Runs a migration or a rotation, from the end of its input until it is done or killed: URI,
// database, name of the operation.
const [uri = '', database = '', operation = ''] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
const db = client.db(database);
const vault = new SecretsVault({ store: new MongoSecretStore(db), keys: Keyring.fromEnv() });
const batches = { batchSize: 5, concurrency: 2 };
console.log('ready');
await once(process.stdin.resume(), 'end');
if (operation === 'rotate') {
  await rotateKeys(vault, batches);
} else {
  const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
  await migrateFromSettings(vault, { ...sources, ...batches, erase: true });
}
await client.close();

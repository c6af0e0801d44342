import { once } from 'node:events';
import { MongoClient } from 'mongodb';
import {
  Keyring,
  MongoSecretStore,
  migrateFromSettings,
  rotateKeys,
  SecretsVault,
} from 'provider-vault';

// Runs a migration or a rotation, from the end of its input until it is done or killed, and prints the
// report: URI, database, name of the operation, its options as JSON.
const [uri = '', database = '', operation = '', options = '{}'] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
const db = client.db(database);
const vault = new SecretsVault({ store: new MongoSecretStore(db), keys: Keyring.fromEnv() });
const batches = { batchSize: 5, concurrency: 2, ...JSON.parse(options) };
console.log('ready');
await once(process.stdin.resume(), 'end');
const sources = { settings: db.collection('settings'), secrets: db.collection('secrets') };
const report =
  operation === 'rotate'
    ? await rotateKeys(vault, batches)
    : await migrateFromSettings(vault, { ...sources, ...batches, erase: true });
console.log(JSON.stringify(report));
await client.close();

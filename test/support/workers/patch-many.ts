import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';

// One of several processes that patch different fields of one record at the same time:
// URI, database, first field number, count. The key comes through the environment.
const [uri = '', database = '', first = '0', count = '0'] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
const vault = new SecretsVault({
  store: new MongoSecretStore(client.db(database)),
  keys: Keyring.fromEnv(),
});
await Promise.all(
  Array.from({ length: Number(count) }, (_, n) => {
    const field = `f${Number(first) + n}`;
    return vault.patch('acme', 'custom', { [field]: `value of ${field}` });
  }),
);
await client.close();

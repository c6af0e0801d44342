import { Keyring, SecretsVault } from 'provider-vault';
import { connectStore } from '../connect-store.ts';

// One of several processes that patch different fields of one record at the same time:
// URI, database, first field number, count. The key comes through the environment.
const [uri = '', database = '', first = '0', count = '0'] = process.argv.slice(2);
const { store, close } = await connectStore(uri, database);
const vault = new SecretsVault({ store, keys: Keyring.fromEnv() });
await Promise.all(
  Array.from({ length: Number(count) }, (_, n) => {
    const field = `f${Number(first) + n}`;
    return vault.patch('acme', 'custom', { [field]: `value of ${field}` });
  }),
);
await close();

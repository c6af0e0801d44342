import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, rotateCredential, SecretsVault } from 'provider-vault';
import twilio from 'twilio';
import { crashStore } from '../crash-store.ts';

// Replaces the credential of tenant "acme", and is killed at a call of its store: URI, database,
// provider, URL of the stand-in, number of the call. The key comes through the environment.
const [uri = '', database = '', provider = '', url = '', at = '0'] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
const crash = { at: Number(at), when: 'after' } as const;
const store = crashStore(new MongoSecretStore(client.db(database)), crash, () => {
  process.kill(process.pid, 'SIGKILL');
  throw new Error('The process has died.');
});
const vault = new SecretsVault({ store, keys: Keyring.fromEnv() });

const httpClient = new twilio.RequestClient();
const request = httpClient.request.bind(httpClient);
httpClient.request = (options) => {
  const { pathname, search } = new URL(options.uri);
  return request({ ...options, uri: url + pathname + search });
};
await rotateCredential(vault, {
  tenantId: 'acme',
  provider,
  graceMs: 0,
  client: { httpClient },
  baseUrl: url,
});
await client.close();

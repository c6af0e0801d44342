import { MongoClient } from 'mongodb';
import { isVaultError, Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';
import { oidcDefinition } from '../oidc-definition.ts';

// Callers of one process that all want the same credentials, once its input says so: URI, database,
// the provider's URL, how many. It prints what they got: access tokens and codes of errors.
const [uri = '', database = '', url = '', count = '', timeoutMs = '2000'] = process.argv.slice(2);
const client = await MongoClient.connect(uri);
const store = new MongoSecretStore(client.db(database));
const vault = new SecretsVault({ store, keys: Keyring.fromEnv() });
const definition = oidcDefinition(url, { timeoutMs: Number(timeoutMs) });
console.log('ready');
for await (const _line of process.stdin) {
  const got = await Promise.all(
    Array.from({ length: Number(count) }, () =>
      vault.fresh('acme', definition).then(
        ({ accessToken }) => accessToken,
        (error) => (isVaultError(error) ? error.code : String(error)),
      ),
    ),
  );
  console.log(JSON.stringify(got));
}
await client.close();

import {
  generateKey,
  Keyring,
  MemorySecretStore,
  SecretsVault,
  testConnection,
} from 'provider-vault';

// Tests the mail server of the fields in its argument, and prints the result: in a process of its own,
// because Node reads NODE_EXTRA_CA_CERTS at its start.
const keys = new Keyring({ encryptionKey: generateKey() });
const vault = new SecretsVault({ store: new MemorySecretStore(), keys });
await vault.put('acme', 'smtp', JSON.parse(process.argv[2] ?? '{}'));
const options = { tenantId: 'acme', provider: 'smtp', allowPrivateAddresses: true };
console.log(JSON.stringify(await testConnection(vault, options)));

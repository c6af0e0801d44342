import { FileSecretStore, Keyring, SecretsVault } from 'provider-vault';

// Writes one field after the other until it is killed, and says each that was acknowledged.
const [path = '', prefix = ''] = process.argv.slice(2);
const vault = new SecretsVault({ store: new FileSecretStore(path), keys: Keyring.fromEnv() });
for (let n = 0; ; n++) {
  await vault.patch('acme', 'custom', { [`${prefix}${n}`]: 'x' });
  process.stdout.write(`${prefix}${n}\n`);
}

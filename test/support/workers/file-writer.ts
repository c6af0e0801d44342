import { FileSecretStore, isVaultError, Keyring, SecretsVault } from 'provider-vault';

// Writes one field after the other, to the count or until it is killed, and says each that was
// acknowledged, and the code of the first that failed: path, prefix of the fields, count, length.
const [path = '', prefix = '', count = 'Infinity', length = '1'] = process.argv.slice(2);
// Past its limit of the size of a file, a process is not to be killed, but told.
process.on('SIGXFSZ', () => {});
const vault = new SecretsVault({
  store: new FileSecretStore(path),
  keys: Keyring.fromEnv(),
  history: { keep: 0 },
});
for (let n = 0; n < Number(count); n++) {
  const field = `${prefix}${n}`;
  try {
    await vault.patch('acme', 'custom', { [field]: 'x'.repeat(Number(length)) });
  } catch (error) {
    process.stdout.write(isVaultError(error) ? error.code : String(error));
    break;
  }
  process.stdout.write(`${field}\n`);
}

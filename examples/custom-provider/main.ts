// npx tsx examples/custom-provider/main.ts
import { randomBytes } from 'node:crypto';
import {
  generateKey,
  isVaultError,
  Keyring,
  MemorySecretStore,
  SecretsVault,
} from 'provider-vault';
import { beaconProvider, getBeaconClient } from './beacon.ts';
import { startBeacon } from './beacon-server.ts';

const newToken = () => `bcn_${randomBytes(12).toString('hex')}`;
const tokens = { acme: newToken(), globex: newToken() };
const beacon = await startBeacon(tokens);

const actor = 'example'; // in the audit trail: who it was

const vault = new SecretsVault({
  store: new MemorySecretStore(),
  keys: new Keyring({ encryptionKey: generateKey() }),
  providers: [beaconProvider], // known by name too: in status, and for the flat keys
});
for (const [tenantId, apiToken] of Object.entries(tokens)) {
  await vault.put(tenantId, beaconProvider, { workspace: tenantId, apiToken }, { actor });
}

for (const tenantId of Object.keys(tokens)) {
  const client = await getBeaconClient(vault, { tenantId, baseUrl: beacon.url, actor });
  await client.push(`Hello from ${tenantId}`);
}
console.log('Pushed:', beacon.pushes);
console.log('Status:', (await vault.status('acme', 'beacon', { actor })).fields);

try {
  await vault.put(
    'initech',
    beaconProvider,
    { workspace: 'initech', apiToken: 'wrong form' },
    { actor },
  );
} catch (error) {
  if (!isVaultError(error)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
await beacon.close();

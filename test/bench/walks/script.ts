// Traces five calls of the public API and prints the entries of each. walks.ts bundles this file
// with instrumented sources and runs the bundle in a process of its own.
import {
  generateKey,
  getTwilioClient,
  Keyring,
  MemorySecretStore,
  migrateFromSettings,
  rotateKeys,
  SecretsVault,
  type SettingsSource,
} from 'provider-vault';
import { type Entry, trace } from './trace.ts';

const bundle = { accountSid: `AC${'0'.repeat(32)}`, authToken: '0f'.repeat(16) };

/** A vault in memory that holds one record, unless `empty`. */
async function newVault({ empty = false } = {}) {
  const store = new MemorySecretStore();
  const key = generateKey();
  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
  if (!empty) await vault.put('acme', 'twilio', bundle);
  return { store, key, vault };
}

/** Old settings: one document with one credential. */
const settings: SettingsSource = {
  name: 'settings',
  count: async () => 1,
  async *scan() {
    yield [{ id: 1, values: { user_id: 'acme', sendgrid_api_key: `SG.${'0'.repeat(22)}` } }];
  },
  erase: async (erasures) => erasures.map(({ fields }) => Object.keys(fields)),
};

/** Each prepares a vault of its own and gives the call to trace. */
const walks: Record<string, () => Promise<() => Promise<unknown>>> = {
  'vault.put': async () => {
    const { vault } = await newVault({ empty: true });
    return () => vault.put('acme', 'twilio', bundle);
  },
  'vault.get': async () => {
    const { vault } = await newVault();
    return () => vault.get('acme', 'twilio');
  },
  'getTwilioClient, SDK loaded': async () => {
    const { vault } = await newVault();
    return () => getTwilioClient(vault, { tenantId: 'acme', env: {} });
  },
  'getTwilioClient, client kept': async () => {
    const { vault } = await newVault();
    await getTwilioClient(vault, { tenantId: 'acme', env: {} });
    return () => getTwilioClient(vault, { tenantId: 'acme', env: {} });
  },
  'migrate one document': async () => {
    const { vault } = await newVault({ empty: true });
    return () => migrateFromSettings(vault, { settings, erase: true });
  },
  'rotate one record': async () => {
    const { store, key } = await newVault();
    const keys = new Keyring({ encryptionKey: generateKey(), decryptionKeys: [key] });
    const vault = new SecretsVault({ store, keys });
    return () => rotateKeys(vault);
  },
};

const traced: Record<string, Entry[]> = {};
for (const [name, prepare] of Object.entries(walks)) {
  await (await prepare())(); // loads what is loaded on first use
  traced[name] = await trace(await prepare());
}
console.log(JSON.stringify(traced));

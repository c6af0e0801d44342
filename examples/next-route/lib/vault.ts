import { MongoClient } from 'mongodb';
import { Keyring, MongoSecretStore, SecretsVault } from 'provider-vault';

async function open(): Promise<SecretsVault> {
  const url = process.env.MONGO_URL;
  if (!url) throw new Error('Set MONGO_URL.');
  const client = await MongoClient.connect(url);
  const store = new MongoSecretStore(client.db());
  await store.init();
  return new SecretsVault({ store, keys: Keyring.fromEnv() });
}

// Kept on globalThis: in development Next loads this file anew after each change, and every load
// would connect anew. Opened when first asked for: `next build` runs without a database.
const kept = globalThis as { providerVault?: Promise<SecretsVault> | undefined };

export function getVault(): Promise<SecretsVault> {
  kept.providerVault ??= open().catch((error) => {
    kept.providerVault = undefined; // the next request tries again
    throw error;
  });
  return kept.providerVault;
}

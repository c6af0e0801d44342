import { compare } from './compare.ts';
import { handOpen, handRead, handSeal } from './hand-written.ts';
import { type Library, newKey, sampleFields, sampleProvider } from './sample.ts';
import type { Table } from './table.ts';

// Nothing waits for another process here, so that a slice can be shorter than the scheduler's.
const fine = { rounds: 2001, sliceMs: 1 };

/** What the codec and a vault in memory add to node:crypto. */
export async function codec({
  Keyring,
  MemorySecretStore,
  open,
  SecretsVault,
  seal,
}: Library): Promise<Table> {
  const key = newKey();
  const text = JSON.stringify(sampleFields);
  const sealed = handSeal(text, key.object);

  const keys = new Keyring({ encryptionKey: key.text });
  const store = new MemorySecretStore();
  const vault = new SecretsVault({ store, keys });
  const cached = new SecretsVault({ store, keys, cache: { ttlMs: 3_600_000 } });
  await vault.put('acme', sampleProvider, sampleFields);
  const readByHand = () => handRead(sealed, key.object);

  return {
    seal: await compare(
      {
        byHand: () => handSeal(text, key.object),
        library: () => seal(text, key.object),
      },
      fine,
    ),
    open: await compare(
      {
        byHand: () => handOpen(sealed, key.object),
        library: () => open(sealed, key.object),
      },
      fine,
    ),
    'vault.get, memory : open + JSON.parse': await compare(
      {
        byHand: readByHand,
        library: () => vault.get('acme', sampleProvider),
      },
      fine,
    ),
    'vault.get, cached : open + JSON.parse': await compare(
      {
        byHand: readByHand,
        library: () => cached.get('acme', sampleProvider),
      },
      fine,
    ),
  };
}

import assert from 'node:assert/strict';
import { compare } from './compare.ts';
import { handOpen, handRead, handSeal } from './hand-written.ts';
import { loadPeers } from './peers.ts';
import { type Library, newKey, sampleFields, sampleProvider } from './sample.ts';
import type { Table } from './table.ts';

// Nothing waits for another process here, so that a slice can be shorter than the scheduler's.
const fine = { rounds: 2001, sliceMs: 1 };
// Some peers derive a key from a password for each call, which takes 40 ms.
const slow = { rounds: 51, sliceMs: 2 };

const text = JSON.stringify(sampleFields);

/** What the codec and a vault in memory add to node:crypto. */
export async function codec({
  getTwilioClient,
  Keyring,
  MemorySecretStore,
  open,
  SecretsVault,
  seal,
}: Library): Promise<Table> {
  const key = newKey();
  const sealed = handSeal(text, key.object);

  const keys = new Keyring({ encryptionKey: key.text });
  const store = new MemorySecretStore();
  const vault = new SecretsVault({ store, keys });
  const cached = new SecretsVault({ store, keys, cache: { ttlMs: 3_600_000 } });
  await vault.put('acme', sampleProvider, sampleFields);
  const readByHand = () => handRead(sealed, key.object);

  const client = { tenantId: 'acme', env: {} };
  await vault.put('acme', 'twilio', {
    accountSid: `AC${'0'.repeat(32)}`,
    apiKey: `SK${'0'.repeat(32)}`,
    apiSecret: '0f'.repeat(16),
  });
  const stored = (await store.get({ tenantId: 'acme', provider: 'twilio' }))?.data as string;
  assert.equal(await getTwilioClient(cached, client), await getTwilioClient(cached, client));

  return {
    'seal : node:crypto': await compare(
      {
        byHand: () => handSeal(text, key.object),
        library: () => seal(text, key.object),
      },
      fine,
    ),
    'open : node:crypto': await compare(
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
    'vault.get, cached : open': await compare(
      {
        byHand: () => handOpen(sealed, key.object),
        library: () => cached.get('acme', sampleProvider),
      },
      fine,
    ),
    'getTwilioClient, cached, client kept : open': await compare(
      {
        byHand: () => handOpen(stored, key.object),
        library: () => getTwilioClient(cached, client),
      },
      fine,
    ),
  };
}

/** How long other libraries take for the same text, in the same unit: node:crypto by hand. */
export async function peers({ open, seal }: Library): Promise<Table> {
  const key = newKey();
  const own = {
    name: 'provider-vault',
    seal: (text: string) => seal(text, key.object),
    open: (sealed: string) => open(sealed, key.object).toString(),
  };
  const handSealed = handSeal(text, key.object);
  const table: Table = {};
  for (const peer of [own, ...(await loadPeers())]) {
    const sealed = await peer.seal(text);
    assert.equal(await peer.open(sealed), text);
    table[`seal, ${peer.name}`] = await compare(
      { byHand: () => handSeal(text, key.object), library: () => peer.seal(text) },
      slow,
    );
    table[`open, ${peer.name}`] = await compare(
      {
        byHand: () => handOpen(handSealed, key.object).toString(),
        library: () => peer.open(sealed),
      },
      slow,
    );
  }
  return table;
}

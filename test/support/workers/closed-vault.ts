import { getHeapSnapshot } from 'node:v8';
import { getTwilioClient, Keyring, MemorySecretStore, SecretsVault } from 'provider-vault';

// Uses an auth token, closes the vault, and writes whether the heap held the token before and after.
// The token comes through standard input; it is kept in a Buffer, which is outside the heap.
const chunks: Buffer[] = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const token = Buffer.concat(chunks);

async function heapHolds(): Promise<boolean> {
  for (let n = 0; n < 5; n++) {
    await new Promise(setImmediate);
    (globalThis as unknown as { gc(): void }).gc();
  }
  let found = false;
  let tail = Buffer.alloc(0);
  for await (const chunk of getHeapSnapshot()) {
    const text = Buffer.concat([tail, Buffer.from(chunk)]);
    found ||= text.includes(token);
    tail = text.subarray(-token.length);
  }
  return found;
}

async function use(vault: SecretsVault): Promise<void> {
  const fields = { accountSid: `AC${'0'.repeat(32)}`, authToken: token.toString() };
  await vault.put('acme', 'twilio', fields);
  await vault.patch('acme', 'twilio', { phoneNumber: '+4930123456' });
  await vault.require('acme', 'twilio');
  await vault.status('acme', 'twilio');
  await getTwilioClient(vault, { tenantId: 'acme', env: {} });
}

const vault = new SecretsVault({
  store: new MemorySecretStore(),
  keys: Keyring.fromEnv(),
  cache: { ttlMs: 60_000, max: 10 },
});
await use(vault);
const open = await heapHolds();
await vault.close();
const closed = await heapHolds();
process.stdout.write(
  JSON.stringify({ open, closed, argv: process.argv.join(' '), title: process.title }),
);

import { getHeapSnapshot } from 'node:v8';
import {
  createVoiceToken,
  getSendGridClient,
  getTwilioClient,
  Keyring,
  MemorySecretStore,
  rotateKeys,
  SecretsVault,
  sendgridProvider,
  twilioProvider,
  verifyTwilioWebhook,
  verifyVault,
} from 'provider-vault';
import { createSettingsHandler } from 'provider-vault/settings';

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

/** All that holds a value for a while. */
async function use(vault: SecretsVault): Promise<void> {
  const fields = { accountSid: `AC${'0'.repeat(32)}`, authToken: token.toString() };
  await vault.put('acme', 'twilio', fields);
  await vault.patch('acme', 'twilio', { phoneNumber: '+4930123456' });
  await vault.require('acme', 'twilio');
  await vault.status('acme', 'twilio');
  await getTwilioClient(vault, { tenantId: 'acme', env: {} });
  const apiKey = `SG.${token}`;
  await vault.applyForm('acme', 'sendgrid', { apiKey, senderEmail: 'a@acme.example' });
  await getSendGridClient(vault, { tenantId: 'acme', env: {} });
  await vault.setSecrets('acme', { own_key: token.toString() });
  await vault.getAllSecrets('acme');
  await vault.getMany([{ tenantId: 'acme', provider: 'sendgrid' }]);
  await vault.checkForm('sendgrid', { apiKey });
  await vault.history('acme', 'twilio');
  await vault.rollback('acme', 'twilio', 1);
  await vault.findTenants('twilio', { accountSid: fields.accountSid });
  const apiSecret = { apiKey: `SK${'0'.repeat(32)}`, apiSecret: token.toString() };
  await vault.patch('acme', 'twilio', apiSecret);
  await createVoiceToken(vault, {
    tenantId: 'acme',
    identity: 'ann',
    incomingAllow: true,
    env: {},
  });
  const signed = { signature: 'x'.repeat(28), url: 'https://crm.example/sms', params: {} };
  await verifyTwilioWebhook(vault, { ...signed, tenantId: 'acme', env: {} });
  const handle = createSettingsHandler({
    vault,
    providers: [twilioProvider, sendgridProvider],
    basePath: '/settings',
    identify: () => ({ tenantId: 'acme', actor: 'ann', may: { read: true } }),
  });
  if ((await handle(new Request('https://crm.example/settings'))).status !== 200)
    throw new Error('no page');
  await rotateKeys(vault);
  await verifyVault(vault);
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

// From a record that the old system sealed to a message that Twilio accepts, for two tenants.
// Everything runs on this machine: an embedded database, and a stand-in of Twilio's API that checks
// what the official SDK sends.
import { readFile } from 'node:fs/promises';
import { getTwilioClient, isVaultError, Keyring, SecretsVault } from 'provider-vault';
import { startFakeTwilio } from 'provider-vault/testing';
import { openDemoStore } from './store.ts';

const say = (text: string) => console.log(text);
const step = (number: number, text: string) => say(`\n${number}. ${text}`);

const old = JSON.parse(await readFile(new URL('old-record.json', import.meta.url), 'utf8')) as {
  key: string;
  data: string;
};

const { store, describe, rawDocuments, insertRaw, close } = await openDemoStore();
say(`Store: ${describe}`);

// The key comes from the environment in a real backend: Keyring.fromEnv().
const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: old.key }) });

step(1, 'A record of the old system, sealed by pycryptodome, is put into the database as it is.');
await insertRaw({ tenantId: 'default', provider: 'twilio', data: old.data });
const legacy = await vault.require('default', 'twilio');
say(`   opened: ${legacy}`);

step(2, 'A second tenant is stored.');
const acme = { accountSid: `AC${'7'.repeat(32)}`, authToken: '0a'.repeat(16) };
const { rev, keyId } = await vault.put('acme', 'twilio', acme, { actor: 'demo' });
say(`   acme/twilio at revision ${rev}, sealed with key ${keyId}`);

step(3, 'Each tenant sends a message through the official SDK.');
const twilio = await startFakeTwilio({
  accounts: [
    acme,
    {
      accountSid: legacy.accountSid as string,
      authToken: legacy.authToken as string,
      apiKeys: [{ sid: legacy.apiKey as string, secret: legacy.apiSecret as string }],
    },
  ],
});
for (const tenantId of ['default', 'acme']) {
  const client = await getTwilioClient(vault, {
    tenantId,
    env: {}, // the demo does not depend on what your shell has set
    client: twilio.clientOptions(),
  });
  const message = await client.messages.create({
    from: '+15005550006',
    to: '+14155550100',
    body: `Hello from ${tenantId}`,
  });
  const request = twilio.requests.at(-1);
  say(
    `   ${tenantId}: ${request?.method} ${request?.path.replace(/\/AC\w+/, '/AC…')} → ${request?.status}`,
  );
  say(`   ${tenantId}: authenticated with its ${request?.auth}, message is ${message.status}`);
}
await twilio.close();

step(4, 'What the database holds:');
for (const document of await rawDocuments()) {
  say(
    `   ${document.tenantId}/${document.provider}: data ${document.data.slice(0, 24)}… (${document.data.length} characters of base64)`,
  );
}

step(5, 'A third tenant has nothing:');
try {
  await getTwilioClient(vault, { tenantId: 'globex', env: {} });
} catch (error) {
  if (!isVaultError(error)) throw error;
  say(`   ${error.code}: ${error.message}`);
}
await close();

import assert from 'node:assert/strict';
import type { ProviderView } from 'provider-vault/settings';
import { credentialFingerprint } from 'provider-vault/testing';
import { migrateOldSettings } from '../crm/migrate.ts';
import { CrmClient } from './crm-client.ts';
import type { DemoCrm } from './demo-crm.ts';
import { type DemoTenant, secretsOf } from './tenants.ts';

/**
 * From an old database to messages that Twilio and SendGrid accept, through the CRM's own API. What
 * it prints holds no secret. It throws if anything differs from what it says.
 */
export async function tellStory(crm: DemoCrm, password: string, say: (line: string) => void) {
  const { northwind, globex, acme, initech } = crm.tenants;
  const [nora, gus, ada, ivy] = await Promise.all(
    [northwind, globex, acme, initech].map(({ email }) =>
      new CrmClient(crm.url).logIn(email, password),
    ),
  );
  assert(nora && gus && ada && ivy);
  let number = 0;
  const step = (text: string) => say(`\n${++number}. ${text}`);

  step('Northwind: a record that the old system sealed (pycryptodome) opens.');
  say(`   ${describe(await providerOf(nora, 'twilio'))}`);

  step('Globex: credentials in plaintext in "settings" are in the vault when first needed.');
  say(`   ${describe(await providerOf(gus, 'twilio'))}`);
  const report = await migrateOldSettings(crm.vault, crm.db, { erase: true });
  assert.equal(report.plaintextRemaining, 0);
  say(
    `   then the migration removes ${report.erased} plaintexts; ${report.plaintextRemaining} remain`,
  );

  step('Acme: a new tenant enters its credentials on the settings page.');
  for (const saved of [
    await ada.save('twilio', { ...acme.twilio, phoneNumber: acme.phoneNumber }),
    await ada.save('sendgrid', { apiKey: acme.sendgridKey, senderEmail: acme.senderEmail }),
  ]) {
    assert.equal(saved.status, 200);
  }
  say(`   ${describe(await providerOf(ada, 'twilio'))}`);
  say(`   ${describe(await providerOf(ada, 'sendgrid'))}`);

  step('Each sends a text message through the official SDK. The stand-in checks every request.');
  const added = await nora.save('twilio', { phoneNumber: northwind.phoneNumber });
  assert.equal(added.status, 200);
  for (const [client, tenant] of [
    [nora, northwind],
    [gus, globex],
    [ada, acme],
  ] as const) {
    say(`   ${await sendSms(crm, client, tenant)}`);
  }

  step('Globex and Acme send an e-mail.');
  for (const [client, tenant] of [
    [gus, globex],
    [ada, acme],
  ] as const) {
    say(`   ${await sendEmail(crm, client, tenant)}`);
  }

  step('What the database holds:');
  const records = crm.db.collection('secrets').find({ provider: { $in: ['twilio', 'sendgrid'] } });
  for (const { tenantId, provider, data } of await records.toArray()) {
    say(
      `   ${tenantId}/${provider}: ${data.length} characters of ciphertext, ${data.slice(0, 12)}…`,
    );
  }
  const stored = JSON.stringify(await everything(crm));

  step('Initech has entered nothing:');
  const refused = await ivy.post('twilio/sms', { to: '+14155550100', body: 'Hello' });
  assert.equal(refused.body.error?.code, 'ERR_NOT_CONFIGURED');
  say(`   ${refused.status} ${refused.body.error.code}: ${refused.body.error.message}`);

  step('Who saw a secret?');
  const answers = [nora, gus, ada, ivy].flatMap((client) => client.answers);
  for (const secret of secretsOf(crm.tenants)) {
    assert(!answers.some((answer) => answer.includes(secret)), 'an answer holds a secret');
    assert(!stored.includes(secret), 'the database holds a secret');
  }
  say(`   none of ${answers.length} answers of the CRM, and no document of its database`);
}

async function sendSms(crm: DemoCrm, client: CrmClient, tenant: DemoTenant): Promise<string> {
  const body = `Hello from ${tenant.tenantId}`;
  const sent = await client.post('twilio/sms', { to: '+14155550100', body });
  assert.equal(sent.status, 201, JSON.stringify(sent.body));
  const request = crm.twilio.requests.at(-1);
  const { accountSid, authToken, apiSecret } = tenant.twilio;
  const secret = request?.auth === 'apiKey' ? apiSecret : authToken;
  assert.equal(request?.accountSid, accountSid);
  assert.equal(request?.credential, credentialFingerprint(secret));
  assert.equal(crm.twilio.messages.at(-1)?.body, body);
  const how = request?.auth === 'apiKey' ? 'its API key' : 'its auth token';
  return `${tenant.tenantId}: ${request?.status}, with ${how}; message is ${sent.body.status}`;
}

async function sendEmail(crm: DemoCrm, client: CrmClient, tenant: DemoTenant): Promise<string> {
  const mail = { to: 'grace@navy.example', subject: 'Hello', text: `From ${tenant.tenantId}` };
  const sent = await client.post('email/send', mail);
  assert.equal(sent.status, 202, JSON.stringify(sent.body));
  const received = crm.sendgrid.mails.at(-1);
  assert.equal(received?.from, tenant.senderEmail);
  assert.equal(received?.credential, credentialFingerprint(tenant.sendgridKey));
  return `${tenant.tenantId}: 202, from ${received?.from} to ${received?.to}`;
}

async function providerOf(client: CrmClient, name: string): Promise<ProviderView> {
  const found = await client.provider(name);
  assert.equal(found.state, 'configured');
  return found;
}

/** Account ids are not secret, but long; the middle of them is left out. */
function describe({ label, ready, fields }: ProviderView): string {
  const uses = Object.keys(ready).filter((name) => ready[name]);
  const shown = fields
    .filter(({ set }) => set)
    .map(
      ({ label, masked = '' }) => `${label} ${masked.replace(/^(\w{4})\w{20,}(\w{4})$/, '$1…$2')}`,
    );
  const state = uses.length > 0 ? `ready for ${uses.join(', ')}` : 'configured';
  return `${label} is ${state}: ${shown.join(', ')}`;
}

async function everything(crm: DemoCrm): Promise<object[]> {
  const collections = await crm.db.listCollections({}, { nameOnly: true }).toArray();
  const contents = collections.map(({ name }) => crm.db.collection(name).find().toArray());
  return (await Promise.all(contents)).flat();
}

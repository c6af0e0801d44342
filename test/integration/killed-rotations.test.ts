import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  getSendGridClient,
  getTwilioClient,
  Keyring,
  MongoSecretStore,
  rotateCredential,
  SecretsVault,
} from 'provider-vault';
import { FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import { afterAll, expect, inject, it } from 'vitest';
import { bundleWorker } from '../support/bundle-worker.ts';
import { testDatabase } from '../support/database.ts';
import { newKey, sendgridKey, twilioAccount } from '../support/fixtures.ts';

// "npm run test:deep" kills twenty processes at each of nine steps; here some of them.
const RUNS = process.env.PROVIDER_VAULT_DEEP ? 180 : 6;
/** Calls of the store in one rotation, about. */
const CALLS = 18;

const { db } = await testDatabase();
const store = new MongoSecretStore(db);
const key = newKey();
const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
const account = twilioAccount(1);
const other = twilioAccount(2);
const twilio = await FakeTwilio.start({ accounts: [account, other] });
const scopes = ['mail.send', 'api_keys.read', 'api_keys.create', 'api_keys.delete'];
const sendgrid = await FakeSendGrid.start({ keys: [{ apiKey: sendgridKey(1), scopes }] });
const worker = await bundleWorker('rotate-credential');
afterAll(() =>
  Promise.all([twilio.close(), sendgrid.close(), rm(dirname(worker), { recursive: true })]),
);

const client = twilio.clientOptions();
const text = { to: '+14155550100', from: '+15005550006', body: 'hello' };
const mail = { to: 'a@example.com', from: 'b@example.com', subject: 'Hi', text: 'Hello' };
const asked = { tenantId: 'acme', env: {} };
const { accountSid, authToken, apiKeys } = account;

const KINDS = {
  'a Twilio API key': {
    provider: 'twilio',
    url: twilio.url,
    fields: { accountSid, authToken, apiKey: apiKeys[0]?.sid, apiSecret: apiKeys[0]?.secret },
    send: async () => (await getTwilioClient(vault, { ...asked, client })).messages.create(text),
    live: async () => {
      const owner = await getTwilioClient(vault, { ...asked, client });
      const { authToken: password } = await vault.require('acme', 'twilio');
      const basic = Buffer.from(`${owner.accountSid}:${password}`).toString('base64');
      const headers = { authorization: `Basic ${basic}` };
      const answer = await fetch(`${twilio.url}/v1/Keys`, { headers });
      return ((await answer.json()) as { keys: object[] }).keys.length;
    },
  },
  'the Twilio auth token': {
    provider: 'twilio',
    url: twilio.url,
    fields: { accountSid: other.accountSid, authToken: other.authToken },
    send: async () => (await getTwilioClient(vault, { ...asked, client })).messages.create(text),
    live: async () => {
      const { authToken: password } = await vault.require('acme', 'twilio');
      const basic = Buffer.from(`${other.accountSid}:${password}`).toString('base64');
      const headers = { authorization: `Basic ${basic}` };
      const url = `${twilio.url}/v1/AuthTokens/Secondary`;
      const { status } = await fetch(url, { method: 'DELETE', headers });
      return status === 404 ? 1 : 2; // a secondary token would be an orphan
    },
  },
  'a SendGrid API key': {
    provider: 'sendgrid',
    url: sendgrid.url,
    fields: { apiKey: sendgridKey(1) },
    send: async () =>
      (await getSendGridClient(vault, { ...asked, baseUrl: sendgrid.url })).send(mail),
    live: async () => {
      const { apiKey } = await vault.require('acme', 'sendgrid');
      const headers = { authorization: `Bearer ${apiKey}` };
      const answer = await fetch(`${sendgrid.url}/v3/api_keys`, { headers });
      return ((await answer.json()) as { result: object[] }).result.length;
    },
  },
};

it.each(Object.entries(KINDS))(
  'survives kill -9 during the rotation of %s',
  {
    timeout: 1_800_000,
  },
  async (_name, { provider, url, fields, send, live }) => {
    await vault.put('acme', provider, fields as object);
    let killed = 0;
    for (let run = 0; run < RUNS; run++) {
      const at = 2 + (Math.floor((run * CALLS) / Math.min(RUNS, CALLS)) % CALLS);
      const args = [worker, inject('mongoUri'), db.databaseName, provider, url, String(at)];
      const env = { ...process.env, APP_ENCRYPTION_KEY: key };
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'inherit', 'inherit'] });
      const [, signal] = await once(child, 'exit');
      if (signal === 'SIGKILL') killed++;
      await send(); // at every moment
      await store.delete({ tenantId: 'acme', provider: `$lease:rotate/${provider}` }); // its time is over
      const options = { tenantId: 'acme', provider, graceMs: 0, client, baseUrl: sendgrid.url };
      await rotateCredential(vault, options);
      await send();
      expect(await live()).toBe(1); // no orphan
      const left = (await store.list('acme')).map((record) => record.provider);
      expect(left.filter((one) => one.startsWith('$'))).toEqual([]);
    }
    expect(killed).toBeGreaterThan(RUNS / 2);
  },
);

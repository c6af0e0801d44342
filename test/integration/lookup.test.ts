import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AuditEvent,
  Keyring,
  MongoSecretStore,
  reindexLookup,
  SecretsVault,
  verifyTwilioWebhook,
  verifyVault,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { accountSid, authToken, newKey } from '../support/fixtures.ts';
import { twilioSignature } from '../support/twilio-signature.ts';

const { client, db } = await testDatabase({ monitorCommands: true });
const secrets = db.collection('secrets');
const store = new MongoSecretStore(db);
const events: AuditEvent[] = [];
const sink = { write: (event: AuditEvent) => void events.push(event) };
const keys = new Keyring({ encryptionKey: newKey(), decryptionKeys: [newKey(), newKey()] });
const vault = new SecretsVault({ store, keys, audit: sink });
await store.init();

const sid = (n: number) => `AC${n.toString(16).padStart(32, '0')}`;
const TENANTS = 500;
for (let from = 0; from < TENANTS; from += 50) {
  await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      vault.put(`t${from + n}`, 'twilio', { accountSid: sid(from + n), authToken: authToken(1) }),
    ),
  );
}
describe('findTenants on MongoDB', () => {
  it('is one query on the index, whatever the number of tenants and of keys', async () => {
    const find = () => vault.findTenants('twilio', { accountSid: sid(77) });
    expect(await find()).toEqual(['t77']);
    const commands = await commandsOf(client, find);
    expect(commands.map(({ commandName }) => commandName)).toEqual(['find']);
    const { filter } = commands[0]?.command ?? {};
    expect(filter['metadata.lookup'].$in).toHaveLength(3);
    const plan = JSON.stringify(await secrets.find(filter).explain());
    expect(plan).toContain('IXSCAN');
    expect(plan).toContain('provider_vault_lookup');
    expect(plan).not.toContain('COLLSCAN');
  });

  it('finds nothing once the field or the record is gone', async () => {
    await vault.put('gone', 'twilio', { accountSid: accountSid(8), authToken: authToken(1) });
    expect(await vault.findTenants('twilio', { accountSid: accountSid(8) })).toEqual(['gone']);
    await vault.patch('gone', 'twilio', { accountSid: null });
    expect(await vault.findTenants('twilio', { accountSid: accountSid(8) })).toEqual([]);
    expect(await secrets.findOne({ tenantId: 'gone' })).not.toHaveProperty('metadata.lookup');
  });

  it('finds what an earlier version stored after reindexLookup; other members stay [R7]', async () => {
    await secrets.updateMany(
      { tenantId: { $in: ['t1', 't2', 't3'] } },
      { $unset: { 'metadata.lookup': '' }, $set: { 'metadata.note': 'kept', mine: 1 } },
    );
    expect(await vault.findTenants('twilio', { accountSid: sid(2) })).toEqual([]);
    expect(await verifyVault(vault)).toMatchObject({ lookupMissing: 3 });
    expect(await reindexLookup(vault)).toMatchObject({ indexed: 3, failedCount: 0 });
    expect(await vault.findTenants('twilio', { accountSid: sid(2) })).toEqual(['t2']);
    const document = await secrets.findOne({ tenantId: 't2' });
    expect(document).toMatchObject({ mine: 1, metadata: { note: 'kept', rev: 2 } });
    expect(await verifyVault(vault)).toMatchObject({ lookupMissing: 0 });
  });

  it('has its index checked, and made by init', async () => {
    await secrets.dropIndex('provider_vault_lookup');
    expect(await store.check()).toMatchObject([{ kind: 'no-lookup-index' }]);
    await Promise.all(Array.from({ length: 5 }, () => new MongoSecretStore(db).init()));
    expect(await store.check()).toEqual([]);
  });
});

describe('10,000 forged webhooks of unknown accounts', () => {
  it('cost one query each, and leave nothing in the activity of a tenant', async () => {
    const url = 'https://crm.example/sms';
    const forge = (n: number) => {
      const params = { AccountSid: sid(1_000_000 + n), To: '+1', From: '+2', Body: 'x' };
      const signature = twilioSignature(authToken(9), url, params);
      return verifyTwilioWebhook(vault, { resolve: true, env: {}, signature, url, params });
    };
    events.length = 0;
    const commands = await commandsOf(client, async () => {
      for (let n = 0; n < 10; n++)
        expect(await forge(n)).toMatchObject({ reason: 'unknown_tenant' });
    });
    expect(commands.map(({ commandName }) => commandName)).toEqual(Array(10).fill('find'));
    const reasons = new Set<string>();
    for (let from = 10; from < 10_000; from += 90) {
      const results = await Promise.all(Array.from({ length: 90 }, (_, n) => forge(from + n)));
      for (const { ok, reason } of results) reasons.add(`${ok} ${reason}`);
    }
    expect([...reasons]).toEqual(['false unknown_tenant']);
    await sleep(0);
    expect(events.map(({ tenantId, action }) => `${tenantId} ${action}`)).toEqual(['* webhook']);
    await vault.close();
    expect(events).toHaveLength(2);
    expect(events[1]).toMatchObject({ tenantId: '*', code: 'unknown_tenant', count: 9_999 });
  });
});

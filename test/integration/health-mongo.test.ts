import {
  Keyring,
  MongoSecretStore,
  rotateKeys,
  SecretsVault,
  testConnection,
} from 'provider-vault';
import { FakeTwilio } from 'provider-vault/testing';
import { afterAll, expect, it } from 'vitest';
import { commandsOf } from '../support/commands.ts';
import { testDatabase } from '../support/database.ts';
import { accountSid, authToken, newKey, twilioAccount } from '../support/fixtures.ts';

const { client, db } = await testDatabase({ monitorCommands: true });
const twilio = await FakeTwilio.start({ accounts: [twilioAccount(1)] });
afterAll(() => twilio.close());

const bad = { accountSid: accountSid(1), authToken: authToken(5) };
const app = { env: {}, client: twilio.clientOptions() };
const health = async (vault: SecretsVault) => (await vault.status('acme', 'twilio')).health;

it('the health of credentials survives in MongoDB, is read in the same round trip, and rotates with its key', async () => {
  const key = newKey();
  const store = new MongoSecretStore(db);
  const vault = new SecretsVault({ store, keys: new Keyring({ encryptionKey: key }) });
  await vault.put('acme', 'twilio', bad);
  await testConnection(vault, { ...app, tenantId: 'acme', provider: 'twilio' });
  for (const read of [() => vault.status('acme', 'twilio'), () => vault.status('acme')]) {
    const commands = await commandsOf(client, async () => {
      expect([await read()].flat().find(({ provider }) => provider === 'twilio')?.health).toEqual({
        state: 'failing',
        code: 'wrong_credentials',
        since: expect.any(Date),
        checkedAt: expect.any(Date),
      });
    });
    expect(commands.map(({ commandName }) => commandName)).toEqual(['find']);
  }
  const newest = new Keyring({ encryptionKey: newKey(), decryptionKeys: [key] });
  const after = new SecretsVault({ store, keys: newest });
  expect(await rotateKeys(after)).toMatchObject({ scanned: 1, rotated: 1 });
  for await (const batch of store.scan({})) {
    for (const record of batch) expect(record.metadata?.keyId).toBe(newest.encryptionKeyId);
  }
  // a record of the health that cannot be read is none
  const raw = db.collection('secrets');
  await raw.updateMany({ provider: '$health:twilio' }, { $set: { data: 'broken' } });
  expect(await vault.status('acme').catch(({ code }) => code)).toBeInstanceOf(Array);
  expect(await health(after)).toBeUndefined();
});

import assert from 'node:assert/strict';
import type { Db } from 'mongodb';
import { pino } from 'pino';
import { Keyring, MongoSecretStore, rotateKeys, SecretsVault, verifyVault } from 'provider-vault';
import { migrateOldSettings } from '../crm/migrate.ts';
import { CrmClient } from '../demo/crm-client.ts';
import { startDemoCrm } from '../demo/demo-crm.ts';
import { readOldRecord } from '../demo/tenants.ts';

const password = 'of-the-upgrade';
const sms = { to: '+14155550100', body: 'Still here' };

/**
 * The steps from a database of the old CRM to one in which nothing is in plaintext and every record
 * is bound to its tenant, while the CRM runs. After each step the CRM still sends.
 */
export async function upgrade(db: Db, say: (line: string) => void): Promise<void> {
  const crm = await startDemoCrm({ db, log: pino({ level: 'silent' }), password });
  const { vault } = crm;
  const { northwind, globex } = crm.tenants;
  try {
    const nora = await new CrmClient(crm.url).logIn(northwind.email, password);
    const gus = await new CrmClient(crm.url).logIn(globex.email, password);
    // The old record holds no number to send from.
    const added = await nora.save('twilio', { phoneNumber: northwind.phoneNumber });
    assert.equal(added.status, 200);
    const stillWorks = async () => {
      for (const person of [nora, gus]) {
        const { status, body } = await person.post('twilio/sms', sms);
        assert.equal(status, 201, JSON.stringify(body));
      }
      return 'both tenants still send';
    };

    const dry = await migrateOldSettings(vault, db, { dryRun: true });
    say(`1. Dry run: ${dry.plaintextRemaining} plaintexts, ${dry.conflictCount} conflicts`);

    const moved = await migrateOldSettings(vault, db, {});
    say(
      `2. Migrated: ${moved.migrated + moved.unchanged} fields are in the vault; ${await stillWorks()}`,
    );

    const erased = await migrateOldSettings(vault, db, { erase: true });
    assert.equal(erased.plaintextRemaining, 0);
    say(`3. Erased: ${erased.erased} plaintexts; ${await stillWorks()}`);

    const rotated = await rotateKeys(vault);
    say(
      `4. Rotated: ${rotated.rotated} resealed, ${rotated.upToDate} up to date; ${await stillWorks()}`,
    );

    const found = await verifyVault(vault);
    assert.equal(found.problemCount, 0);
    say(
      `5. Verified: ${found.ok} records, safe to refuse unbound ones: ${found.safeToRefuseUnbound}`,
    );

    const strict = new SecretsVault({
      store: new MongoSecretStore(db),
      keys: new Keyring({ encryptionKey: (await readOldRecord()).key }),
      unbound: 'refuse',
    });
    for (const { tenantId } of [northwind, globex]) await strict.require(tenantId, 'twilio');
    say('6. A vault that refuses unbound records opens both tenants');
  } finally {
    await crm.close();
  }
}

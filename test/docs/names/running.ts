// What the guides that are run in the process of their test take for granted.
import {
  generateKey,
  Keyring,
  MongoSecretStore,
  type ScanRange,
  SecretsVault,
} from 'provider-vault';
import { testDatabase } from '../../support/database.ts';
import { accountSid, authToken, sendgridKey } from '../../support/fixtures.ts';

export const { db } = await testDatabase();
/** Whatever the database is called. */
export const client = { db: () => db };
export const store = new MongoSecretStore(db);
await store.init();
export const keys = new Keyring({ encryptionKey: generateKey() });
export const vault = new SecretsVault({ store, keys });

export const user = { id: 'ann' };
export const actor = 'ann';
export const apiKey = sendgridKey(1);
export const { signal } = new AbortController();

/** What was logged, in order. */
export const logged: object[] = [];
export const log = {
  info: (facts: object) => void logged.push(facts),
  warn: (facts: object) => void logged.push(facts),
};

const ranges: ScanRange[] = [];
export const queue = {
  add: async (more: readonly ScanRange[]) => void ranges.push(...more),
  [Symbol.asyncIterator]: async function* () {
    while (ranges.length > 0) yield ranges.shift() as ScanRange;
  },
};

for (const [n, tenantId] of ['acme', 'beta', 'gamma'].entries()) {
  await vault.put(tenantId, 'twilio', { accountSid: accountSid(n), authToken: authToken(n) });
}
for (const edge of ['ashburn', 'dublin', 'sydney', 'tokyo', 'umatilla']) {
  await vault.patch('acme', 'twilio', { edge });
}

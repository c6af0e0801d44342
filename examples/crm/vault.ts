import type { Db } from 'mongodb';
import { type KeyProvider, MongoAuditSink, MongoSecretStore, SecretsVault } from 'provider-vault';
import { oldSettings } from './migrate.ts';

/** The vault of this backend, and its audit trail: made once, at start-up. */
export async function openVault(db: Db, keys: KeyProvider) {
  const store = new MongoSecretStore(db);
  const audit = new MongoAuditSink(db);
  await Promise.all([store.init(), audit.init()]); // indexes; safe on every instance
  const vault = new SecretsVault({
    store,
    keys,
    // strict: no credentials leave the vault unless the audit trail says so.
    audit: { sink: audit, mode: 'strict' },
    // Takes over what the old CRM kept in plaintext, tenant by tenant, when it is first needed.
    settings: oldSettings(db),
  });
  return { vault, audit };
}

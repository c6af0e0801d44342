import type { Db } from 'mongodb';
import { type KeyProvider, MongoAuditSink, MongoSecretStore, SecretsVault } from 'provider-vault';

/** The vault of this backend, and its audit trail: made once, at start-up. */
export async function openVault(db: Db, keys: KeyProvider) {
  const store = new MongoSecretStore(db);
  const audit = new MongoAuditSink(db);
  await Promise.all([store.init(), audit.init()]); // indexes; safe on every instance
  // strict: no credentials leave the vault unless the audit trail says so.
  const vault = new SecretsVault({ store, keys, audit: { sink: audit, mode: 'strict' } });
  return { vault, audit };
}

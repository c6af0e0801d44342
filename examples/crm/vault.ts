import type { Db } from 'mongodb';
import { type KeyProvider, MongoAuditSink, MongoSecretStore, SecretsVault } from 'provider-vault';
import type { CrmConfig } from './config.ts';
import { oldSettings } from './migrate.ts';

/** The vault of this backend, and its audit trail: made once, at start-up. */
export async function openVault(
  db: Db,
  keys: KeyProvider,
  { mailboxes, auditDays }: Pick<CrmConfig, 'mailboxes' | 'auditDays'>,
) {
  const store = new MongoSecretStore(db);
  const audit = new MongoAuditSink(db, { expireAfterSeconds: auditDays * 86_400 });
  await Promise.all([store.init(), audit.init()]); // indexes; safe on every instance
  const vault = new SecretsVault({
    store,
    keys,
    providers: mailboxes.map(({ definition }) => definition),
    // strict: no credentials leave the vault unless the audit trail has recorded it.
    audit: { sink: audit, mode: 'strict' },
    // Imports a tenant's settings from the old CRM's plaintext when they are first needed.
    settings: oldSettings(db),
  });
  return { vault, audit };
}

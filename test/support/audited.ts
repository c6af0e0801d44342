import {
  AUDIT_CHANNEL,
  type AuditEvent,
  Keyring,
  MemorySecretStore,
  SecretsVault,
  type SecretsVaultOptions,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { newKey } from './fixtures.ts';
import { published } from './published.ts';

/** A vault in a test, with the events that its sink got and those that were published. */
export function audited(options: Partial<SecretsVaultOptions> = {}) {
  const told = published<AuditEvent>(AUDIT_CHANNEL);
  const events: AuditEvent[] = [];
  const sink = { write: async (event: AuditEvent) => void events.push(event) };
  const faulty = new FaultyStore(new MemorySecretStore());
  const keys = new Keyring({ encryptionKey: newKey() });
  const vault = new SecretsVault({ store: faulty.store, keys, audit: sink, ...options });
  return { vault, events, published: told, sink, faulty, keys };
}

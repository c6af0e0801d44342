import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  AUDIT_CHANNEL,
  type AuditEvent,
  Keyring,
  MemorySecretStore,
  SecretsVault,
  type SecretsVaultOptions,
} from 'provider-vault';
import { FaultyStore } from 'provider-vault/testing';
import { onTestFinished } from 'vitest';
import { newKey } from './fixtures.ts';

/** A vault in a test, with the events that its sink got and those that were published. */
export function audited(options: Partial<SecretsVaultOptions> = {}) {
  const published: AuditEvent[] = [];
  const listen = (event: unknown) => {
    published.push(event as AuditEvent);
  };
  subscribe(AUDIT_CHANNEL, listen);
  onTestFinished(() => void unsubscribe(AUDIT_CHANNEL, listen));

  const events: AuditEvent[] = [];
  const sink = { write: async (event: AuditEvent) => void events.push(event) };
  const faulty = new FaultyStore(new MemorySecretStore());
  const keys = new Keyring({ encryptionKey: newKey() });
  const vault = new SecretsVault({ store: faulty.store, keys, audit: sink, ...options });
  return { vault, events, published, sink, faulty, keys };
}

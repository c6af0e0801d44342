import { randomBytes } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  AUDIT_CHANNEL,
  type AuditEvent,
  defineProvider,
  Keyring,
  MemorySecretStore,
  SecretsVault,
  type SecretsVaultOptions,
} from 'provider-vault';

// Built at run time: no file of the project holds text that looks like a real credential.
const digit = (n: number) => (n % 10).toString();

/** An account SID that is the same for the same `n`. */
export const accountSid = (n = 0) => `AC${digit(n).repeat(32)}`;
export const apiKeySid = (n = 0) => `SK${digit(n).repeat(32)}`;
export const authToken = (n = 0) => `${digit(n)}f`.repeat(16);
export const apiSecret = (n = 0) => `${digit(n)}Z`.repeat(16);

/** The account `n` at the stand-in of Twilio, with its auth token and an API key. */
export const twilioAccount = (n: number) => ({
  accountSid: accountSid(n),
  authToken: authToken(n),
  apiKeys: [{ sid: apiKeySid(n), secret: apiSecret(n) }],
});

/** A new random key, base64. */
export const newKey = () => randomBytes(32).toString('base64');

/** A vault in memory, with a new key. */
export function memoryVault(options: Partial<SecretsVaultOptions> = {}) {
  const store = new MemorySecretStore();
  const key = newKey();
  const keys = new Keyring({ encryptionKey: key });
  return { store, key, keys, vault: new SecretsVault({ store, keys, ...options }) };
}
export const sendgridKey = (n = 0) => `SG.${digit(n).repeat(22)}.${'k'.repeat(43)}`;

/** SendGrid's definition without its checks, to store what an older version would have stored. */
export const uncheckedSendgrid = defineProvider({
  name: 'sendgrid',
  fields: { webhookPublicKey: { label: 'Public key', secret: false } },
  complete: [['webhookPublicKey']],
});

/** The events that `use` leaves in the audit trail. */
export async function auditEvents(use: () => Promise<unknown>): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  const listen = (event: unknown) => events.push(event as AuditEvent);
  subscribe(AUDIT_CHANNEL, listen);
  try {
    await use();
  } finally {
    unsubscribe(AUDIT_CHANNEL, listen);
  }
  return events;
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('The promise was expected to be rejected.');
}

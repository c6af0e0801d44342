// What the guide on observability takes for granted: a vault, and the reader's own numbers.
import { defineProvider, Keyring, MemorySecretStore, SecretsVault } from 'provider-vault';
import { newKey } from '../../support/fixtures.ts';

export * from 'provider-vault';

export const acmeMail = defineProvider({
  name: 'acmeMail',
  fields: {
    token: { label: 'Token', secret: true },
    expiresAt: { label: 'Expires', secret: false },
  },
  complete: [['token']],
  refresh: {
    expiresAt: 'expiresAt',
    exchange: async () => {
      throw Object.assign(new Error(), { error: 'invalid_grant' });
    },
  },
});

export const vault = new SecretsVault({
  store: new MemorySecretStore(),
  keys: new Keyring({ encryptionKey: newKey() }),
  providers: [acmeMail],
});

export const counted: string[] = [];
export const count = (what: string) => void counted.push(what);
export const told: string[] = [];
export const tell = (tenantId: string, provider: string) =>
  void told.push(`${tenantId} ${provider}`);

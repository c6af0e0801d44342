import {
  checkHealth,
  defineClientFactory,
  defineProvider,
  eraseTenant,
  isVaultError,
  MemoryKeyStore,
  MemorySecretStore,
  migrateFromSettings,
  refreshDue,
  reindexLookup,
  renewKeys,
  rotateCredential,
  rotateDue,
  rotateKeys,
  SecretsVault,
  type SecretsVaultOptions,
  TenantKeys,
  testConnection,
  VaultError,
  verifySendGridWebhook,
  verifyVault,
} from 'provider-vault';
import { newKey } from './fixtures.ts';
import { settingsRows } from './settings-rows.ts';
import { TestKms } from './test-wrapper.ts';

/** What the session below stores, in the clear. */
export const SECRETS = ['first-secret', 'next-secret', 'renewed-secret', 'refused-secret'] as const;
const [first, next, renewed, refused] = SECRETS;

/** A provider with everything that a definition can have. */
export const acmeMail = defineProvider({
  name: 'acmeMail',
  fields: {
    account: { label: 'Account', secret: false, lookup: true },
    token: { label: 'Token', secret: true },
    expiresAt: { label: 'Expires', secret: false },
  },
  complete: [['token']],
  test: async ({ fields }) =>
    fields.token === refused ? { ok: false, code: 'wrong_credentials' } : { ok: true },
  refresh: {
    expiresAt: 'expiresAt',
    exchange: async () => {
      const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
      return { token: renewed, expiresAt };
    },
  },
  rotate: {
    replaces: () => ['token'],
    create: async () => ({ token: next }),
    discard: async () => {},
    works: async ({ fields }) => fields.token === next,
    revoke: async () => {},
  },
});

/** A KMS that wraps anew, too. */
class RewrappingKms extends TestKms {
  async rewrap(items: readonly unknown[]): Promise<undefined[]> {
    return items.map(() => undefined);
  }
}

/** A vault in memory for {@link everyOperation}, and its parts. */
export function fullVault(options: Partial<SecretsVaultOptions> = {}) {
  const kms = new RewrappingKms();
  const store = new MemorySecretStore();
  const keyStore = new MemoryKeyStore();
  const keys = new TenantKeys({ wrapper: kms, store: keyStore });
  const more = { providers: [acmeMail], lookupKey: newKey(), cache: { ttlMs: 60_000 } };
  const vault = new SecretsVault({ store, keys, ...more, ...options });
  return { vault, keys, kms, store, keyStore };
}

/** Does with a vault, by the way of its public functions, all that it can do. */
export async function everyOperation({ vault, keys }: ReturnType<typeof fullVault>): Promise<void> {
  const expiresAt = new Date(0).toISOString();
  await vault.put('acme', acmeMail, { account: 'sales', token: first, expiresAt });
  await vault.patch('acme', acmeMail, { account: 'support' });
  await vault.applyForm('acme', acmeMail, { account: 'help' });
  await vault.get('acme', acmeMail);
  await vault.get('acme', acmeMail);
  await vault.require('acme', acmeMail);
  await vault.getMany([{ tenantId: 'acme', provider: acmeMail }]);
  await vault.getAllSecrets('acme');
  await vault.getSecret('acme', 'acmeMail.token');
  await vault.findTenants(acmeMail, { account: 'help' });
  await vault.fresh('acme', acmeMail);
  await vault.list('acme');
  await vault.status('acme');
  await vault.history('acme', acmeMail);
  await vault.rollback('acme', acmeMail, 1);
  await vault.purgeHistory('acme', acmeMail);
  await vault.setSecret('acme', 'own_key', refused);
  await vault.deleteSecret('acme', 'own_key');
  await vault.tenant('acme').get('custom');
  const getClient = defineClientFactory(acmeMail, ({ fields }) => ({ send: () => fields.token }));
  await getClient(vault, { tenantId: 'acme' });

  await testConnection(vault, { tenantId: 'acme', provider: acmeMail });
  await vault.put('beta', acmeMail, { token: refused, expiresAt: '' });
  await checkHealth(vault, { maxPerSecond: 1_000 });
  await rotateCredential(vault, { tenantId: 'acme', provider: acmeMail, graceMs: 0 });
  await rotateDue(vault, { olderThanMs: 3_600_000 });
  await refreshDue(vault);
  const timestamp = String(Math.floor(Date.now() / 1_000));
  await verifySendGridWebhook(vault, {
    ...{ tenantId: 'acme', signature: 'x', timestamp, rawBody: '' },
  }).catch(unlessVaultError);

  await migrateFromSettings(vault, { settings: settingsRows({ user_id: 'gamma', own: first }) });
  await rotateKeys(vault);
  await verifyVault(vault);
  await reindexLookup(vault);
  await keys.rewrap();
  await renewKeys(vault);
  await vault.delete('acme', acmeMail);
  await eraseTenant(vault, 'acme');
}

function unlessVaultError(error: unknown): void {
  if (!isVaultError(error)) throw new VaultError('ERR_INVALID_ARGUMENT', 'unexpected');
}

import {
  getSendGridClient,
  getTwilioClient,
  isVaultError,
  type SecretStore,
  type SecretsVault,
} from 'provider-vault';
import { type Check, fail, pass } from './check.ts';

const FACTORIES = { twilio: getTwilioClient, sendgrid: getSendGridClient } as const;

/**
 * Whether a client of each SDK loads with stored credentials, as a backend loads it. Nothing is
 * sent to the provider.
 */
export async function checkClients(vault: SecretsVault, store: SecretStore): Promise<Check[]> {
  const tenants = await firstTenants(store);
  if (tenants.size === 0) {
    return [pass('client', 'no tenant has credentials of Twilio or SendGrid yet')];
  }
  return Promise.all(
    [...tenants].map(async ([provider, tenantId]) => {
      const name = `${provider} client`;
      try {
        await FACTORIES[provider](vault, { tenantId });
        return pass(name, `loads with the credentials of tenant "${tenantId}"`);
      } catch (error) {
        if (!isVaultError(error)) throw error;
        const todo = `\`provider-vault status ${tenantId} ${provider}\` says what is stored.`;
        return fail(name, `tenant "${tenantId}": ${error.message}`, todo);
      }
    }),
  );
}

type Provider = keyof typeof FACTORIES;

/** For each provider the first tenant that has a record for it. */
async function firstTenants(store: SecretStore): Promise<Map<Provider, string>> {
  const wanted = Object.keys(FACTORIES) as Provider[];
  const tenants = new Map<Provider, string>();
  for await (const batch of store.scan({ batchSize: 1000 })) {
    for (const { tenantId, provider } of batch) {
      const known = wanted.find((name) => name === provider && !tenants.has(name));
      if (known !== undefined) tenants.set(known, tenantId);
    }
    if (tenants.size === wanted.length) break;
  }
  return tenants;
}

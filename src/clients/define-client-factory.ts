import { invalidArgument } from '../errors.ts';
import {
  isDefinition,
  type ProviderDefinition,
  type RequiredField,
} from '../providers/define-provider.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { ClientOptions, ResolvedCredentials } from './credentials.ts';

/**
 * Makes a function that returns a ready client of a tenant: from the environment in an emergency,
 * else from the vault, else a clear error.
 *
 * A client is kept, up to `maxClients` of the vault, and replaced when its credentials change. Equal
 * options share a client, and so do callers that ask at the same time. It is dropped when the record
 * is deleted, by `vault.invalidate` and by `vault.close`.
 *
 * @example
 * ```ts
 * const getStripeClient = defineClientFactory(stripe, async ({ fields }) => {
 *   const { default: Stripe } = await import('stripe');
 *   return new Stripe(fields.secretKey);
 * });
 * const client = await getStripeClient(vault, { tenantId: 'acme' });
 * ```
 * @param definition - the credentials that the client needs
 * @param build - makes the client. It must pass every credential explicitly: an SDK that falls back
 * to `process.env` finds the credentials of somebody else there.
 * @public
 */
export function defineClientFactory<
  F extends string,
  const S extends readonly (readonly F[])[],
  C extends object,
  O extends ClientOptions = ClientOptions,
>(
  definition: ProviderDefinition<string, F, S>,
  build: (credentials: ResolvedCredentials<F, RequiredField<F, S>>, options: O) => C | Promise<C>,
): (vault: SecretsVault, options?: O) => Promise<C> {
  if (!isDefinition(definition)) {
    throw invalidArgument('A client factory needs a definition made by defineProvider.');
  }
  let loaded: Promise<(vault: SecretsVault, options: O) => Promise<C>> | undefined;
  return async (vault, options = {} as O) => {
    loaded ??= import('./client-factory.ts').then(({ createClientFactory }) =>
      createClientFactory(definition, build),
    );
    return (await loaded)(vault, options);
  };
}

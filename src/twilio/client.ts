import { defineClientFactory } from '../clients/define-client-factory.ts';
import { twilioProvider } from '../providers/built-in.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { TwilioClientOptions } from './build-client.ts';
import type { TwilioClient } from './sdk-types.ts';

/**
 * The official Twilio client of a tenant, from the package `twilio`.
 *
 * It looks in the environment (tenant `default`, unless told otherwise), then in the vault. An API key
 * with its secret is preferred, then an OAuth app, then the auth token.
 *
 * It is the SDK's own client, with these differences. Its errors, also of `client.request()`, are a
 * `ProviderError` with Twilio's `status` and `providerCode`. Printing it shows no credential. And its
 * settings are read-only, because all callers with the same options share it.
 *
 * @example
 * ```ts
 * const client = await getTwilioClient(vault, { tenantId: 'acme' });
 * await client.messages.create({ to, from, body });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` naming what is missing and where it looked;
 * `ERR_ENV_INCOMPLETE`; `ERR_PEER_MISSING`; `ERR_PROVIDER` when the SDK refuses the credentials; what
 * reading the vault throws
 * @public
 */
export const getTwilioClient: (
  vault: SecretsVault,
  options?: TwilioClientOptions,
) => Promise<TwilioClient> = /* @__PURE__ */ defineClientFactory(
  twilioProvider,
  async (credentials, options: TwilioClientOptions) => {
    const { buildTwilioClient } = await import('./build-client.ts');
    return buildTwilioClient(credentials, options);
  },
);

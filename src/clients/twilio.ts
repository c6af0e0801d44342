import type { Twilio } from 'twilio';
import { twilioProvider } from '../providers/twilio.ts';
import { type ClientOptions, defineClientFactory } from './define-client-factory.ts';
import { loadPeer } from './load-peer.ts';

/**
 * Options of {@link getTwilioClient}.
 *
 * @public
 */
export interface TwilioClientOptions extends ClientOptions {
  /**
   * The SDK's own options (`httpClient`, `timeout`, `autoRetry`, `region`, …). Credentials in them
   * are replaced by the tenant's.
   */
  readonly client?: ConstructorParameters<typeof Twilio>[2];
}

/**
 * The official Twilio client of a tenant, from the package `twilio`.
 *
 * Looks in the environment (tenant `default`, unless told otherwise), then in the vault. An API key
 * with its secret is preferred to the auth token.
 *
 * @example
 * ```ts
 * const client = await getTwilioClient(vault, { tenantId: 'acme' });
 * await client.messages.create({ to, from, body });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` naming what is missing and where it looked;
 * `ERR_ENV_INCOMPLETE`; `ERR_PEER_MISSING`; what reading the vault throws
 * @public
 */
export const getTwilioClient: (
  vault: import('../vault/secrets-vault.ts').SecretsVault,
  options?: TwilioClientOptions,
) => Promise<Twilio> = defineClientFactory(
  twilioProvider,
  async ({ fields }, { client = {} }: TwilioClientOptions) => {
    const { default: twilio } = await loadPeer('twilio', () => import('twilio'));
    const [username, password] =
      fields.apiKey && fields.apiSecret
        ? [fields.apiKey, fields.apiSecret]
        : [fields.accountSid, fields.authToken];
    return new twilio.Twilio(username, password, {
      ...client,
      accountSid: fields.accountSid as string,
      // The SDK takes what is undefined from process.env, which may be another account's. An empty
      // string is "none" for it.
      region: client.region ?? fields.region ?? '',
      edge: client.edge ?? fields.edge ?? '',
      logLevel: client.logLevel ?? '',
    });
  },
);

import type { Twilio } from 'twilio';
import { twilioProvider } from '../providers/twilio.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { conceal } from './conceal.ts';
import { type ClientOptions, defineClientFactory } from './define-client-factory.ts';
import { loadPeer } from './load-peer.ts';
import { answerError, networkError, ProviderError } from './provider-error.ts';

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
 * Its errors are a `ProviderError` with Twilio's `status` and `providerCode`.
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
) => Promise<Twilio> = defineClientFactory(
  twilioProvider,
  async ({ fields }, { client: options = {} }: TwilioClientOptions) => {
    const { default: twilio } = await loadPeer('twilio', () => import('twilio'));
    const { accountSid, authToken, apiKey, apiSecret } = fields;
    const [username, password] =
      apiKey && apiSecret ? [apiKey, apiSecret] : [accountSid, authToken];
    const client = construct(() => {
      return new twilio.Twilio(username, password, {
        ...options,
        accountSid: accountSid as string,
        // The SDK takes what is undefined from process.env, which may be another account's. An
        // empty string is "none" for it.
        region: options.region ?? fields.region ?? '',
        edge: options.edge ?? fields.edge ?? '',
        logLevel: options.logLevel ?? '',
      });
    });
    reportErrors(client, options.httpClient === undefined, [password]);
    const { region, edge } = client;
    conceal(client, 'Twilio', { accountSid, region, edge }, ['username', 'password', 'opts']);
    return client;
  },
);

// The constructor's errors name the field that is wrong, and hold no value.
function construct(build: () => Twilio): Twilio {
  try {
    return build();
  } catch (error) {
    throw new ProviderError(
      'twilio',
      `twilio refuses the credentials: ${(error as Error).message}`,
      {},
    );
  }
}

function reportErrors(
  client: Twilio,
  ownHttpClient: boolean,
  secrets: readonly (string | undefined)[],
): void {
  const request = client.request.bind(client);
  client.request = async (options) => {
    let response: Awaited<ReturnType<typeof request>>;
    try {
      response = await request(options);
    } catch (error) {
      throw networkError('twilio', error);
    } finally {
      // The SDK's HTTP client keeps the last request, with its credentials, for debugging. One that
      // was given is left alone.
      if (ownHttpClient) (client.httpClient as { lastRequest?: unknown }).lastRequest = undefined;
    }
    const { statusCode, body } = response;
    if (statusCode < 400) return response;
    const { code, message } = (parsed(body) ?? {}) as { code?: number; message?: unknown };
    throw answerError('twilio', { status: statusCode, providerCode: code, text: message }, secrets);
  };
}

function parsed(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // an error page of a proxy
  }
}

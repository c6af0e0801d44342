import type { Twilio } from 'twilio';
import { ProviderError } from '../errors.ts';
import { REDACTED } from '../providers/mask.ts';
import { twilioProvider } from '../providers/twilio.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { conceal, printAs } from './conceal.ts';
import { type ClientOptions, defineClientFactory } from './define-client-factory.ts';
import { loadPeer } from './load-peer.ts';
import { answerError, networkError } from './provider-error.ts';

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
 * It is the SDK's own client but for two things. Its errors, those of `client.request()` included, are
 * a `ProviderError` with Twilio's `status` and `providerCode`. And printing it shows no credential.
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
        accountSid,
        // The SDK takes what is undefined from process.env, which may be another account's. An
        // empty string is "none" for it.
        region: options.region ?? fields.region ?? '',
        edge: options.edge ?? fields.edge ?? '',
        logLevel: options.logLevel ?? '',
      });
    });
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    reportErrors(client, [password, basic]);
    if (options.httpClient === undefined) forgetCredentials(client.httpClient as HttpClient);
    const { region, edge } = client;
    for (const member of ['username', 'password', 'opts', '_httpClient']) conceal(client, member);
    printAs(client, 'Twilio', () => ({ accountSid, region, edge }));
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

// Every request of the SDK goes through here, whichever resource it is for.
function reportErrors(client: Twilio, secrets: readonly (string | undefined)[]): void {
  const request = client.request.bind(client);
  client.request = async (options) => {
    let response: Awaited<ReturnType<typeof request>>;
    try {
      response = await request(options);
    } catch (error) {
      throw networkError('twilio', error);
    }
    const { statusCode, body } = response;
    // As the SDK: reading may be answered with a redirect, anything else not.
    const isRead = options.method?.toLowerCase() === 'get';
    if (statusCode < 300 || (isRead && statusCode < 400)) return response;
    // Twilio's own form, or that of RFC 9457 with title and detail.
    const { code, message, title, detail } = (parsed(body) ?? {}) as Record<string, unknown>;
    const text = message ?? detail ?? title;
    const providerCode = typeof code === 'number' ? code : undefined;
    throw answerError('twilio', { status: statusCode, providerCode, text }, secrets);
  };
}

type HttpClient = NonNullable<Twilio['httpClient']>;

// The SDK's HTTP client keeps its last request, for debugging, with the credentials, and the last
// answer, which may be an account with its auth token. One that was given is left alone.
function forgetCredentials(httpClient: HttpClient): void {
  let last: HttpClient['lastRequest'];
  Object.defineProperty(httpClient, 'lastRequest', {
    get: () => last,
    set: (request: typeof last) => {
      const headers = { ...(request?.headers as object), Authorization: REDACTED };
      const copy = Object.create(Object.getPrototypeOf(request ?? {}));
      last = request && Object.assign(copy, request, { auth: REDACTED, headers });
    },
  });
  conceal(httpClient, 'lastResponse');
}

function parsed(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // an error page of a proxy
  }
}

import { Agent } from 'node:https';
import type { Twilio } from 'twilio';
import type { Answered } from '../clients/answered.ts';
import { conceal, lock, printAs } from '../clients/conceal.ts';
import { sharedAgent } from '../clients/connection-pool.ts';
import type { ClientOptions, ResolvedCredentials } from '../clients/credentials.ts';
import { peerContent, peerError } from '../clients/load-peer.ts';
import { answerError, networkError } from '../clients/provider-error.ts';
import { Attempts, retryAfterMs } from '../clients/rate-limit.ts';
import { secretBase64 } from '../clients/secret-text.ts';
import { assertTimeout, DEFAULT_TIMEOUT_MS, withDeadline } from '../clients/timeout.ts';
import { ProviderError } from '../errors.ts';
import type { twilioProvider } from '../providers/built-in.ts';
import { REDACTED } from '../providers/mask.ts';
import { parsed } from './answer.ts';
import { OAuthToken, TOKEN_URL } from './oauth-token.ts';
import type { TwilioSdkOptions } from './sdk-types.ts';

/**
 * Options of {@link getTwilioClient}.
 *
 * @public
 */
export interface TwilioClientOptions extends ClientOptions {
  /**
   * The SDK's own options (`httpClient`, `timeout`, `autoRetry`, `region`, …). Credentials in them
   * are replaced by the tenant's. With one about connections (`httpClient`, `keepAlive`, `maxSockets`,
   * …) the client does not use the connections that all clients share.
   */
  readonly client?: TwilioSdkOptions;
  /** Milliseconds until a request fails. @defaultValue `client.timeout`, else 30,000 */
  readonly timeoutMs?: number;
}

type TwilioFields = ResolvedCredentials<keyof typeof twilioProvider.fields, 'accountSid'>['fields'];

/** @internal */
export async function buildTwilioClient(
  { fields, answered }: { readonly fields: TwilioFields; readonly answered?: Answered },
  { client: options = {}, timeoutMs }: TwilioClientOptions,
): Promise<Twilio> {
  assertTimeout(timeoutMs);
  const sdk = await loadTwilio();
  const { accountSid, oauthClientId, oauthClientSecret } = fields;
  const [username, password] = basicCredentials(fields);
  const client = construct(() => {
    return new sdk.Twilio(username, password, {
      ...options,
      userAgentExtensions: [...(options.userAgentExtensions ?? [])],
      accountSid,
      timeout: timeoutMs ?? options.timeout ?? DEFAULT_TIMEOUT_MS,
      // The SDK takes an undefined value from process.env, which may belong to another account. It
      // treats an empty string as not set.
      region: options.region ?? fields.region ?? '',
      edge: options.edge ?? fields.edge ?? '',
      logLevel: options.logLevel ?? '',
    });
  });
  let token: OAuthToken | undefined;
  if (username === '' && oauthClientId && oauthClientSecret) {
    token = new OAuthToken(
      client,
      { clientId: oauthClientId, clientSecret: oauthClientSecret },
      timeoutMs,
    );
    construct(() => useToken(sdk, client, accountSid, token as OAuthToken));
  }
  const secrets = [password, oauthClientSecret, secretBase64(`${username}:${password}`)];
  reportErrors(client, timeoutMs, answered, secrets, token);
  if (options.httpClient === undefined) {
    const httpClient = client.httpClient as HttpClient;
    if (!AGENT_OPTIONS.some((name) => options[name] !== undefined)) shareConnections(httpClient);
    guardHttpClient(httpClient);
  }
  Object.freeze(client.opts);
  Object.freeze(client.userAgentExtensions);
  const { region, edge } = client;
  lock(client, { hidden: HIDDEN, advice: ADVICE });
  printAs(client, 'Twilio', () => ({ accountSid, region, edge }));
  return client;
}

const AGENT_OPTIONS = [
  'keepAlive',
  'keepAliveMsecs',
  'maxSockets',
  'maxTotalSockets',
  'maxFreeSockets',
  'scheduling',
] as const satisfies (keyof NonNullable<TwilioSdkOptions>)[];

const HIDDEN = ['username', 'password', 'opts', '_httpClient', 'credentialProvider'];
const ADVICE = 'Pass options to getTwilioClient instead.';

/** User name and password: of the API key, else of the account; empty for an OAuth app. */
function basicCredentials(fields: TwilioFields): [username: string, password: string] {
  const { accountSid, authToken, apiKey, apiSecret, oauthClientId, oauthClientSecret } = fields;
  if (apiKey && apiSecret) return [apiKey, apiSecret];
  // With an OAuth app, the auth token is there for webhooks.
  if (oauthClientId && oauthClientSecret) return ['', ''];
  return [accountSid, authToken ?? ''];
}

function useToken(sdk: Sdk, client: Twilio, accountSid: string, token: OAuthToken): void {
  const provider = new sdk.ClientCredentialProviderBuilder().setTokenManager(token).build();
  client.setCredentialProvider(provider);
  client.setAccountSid(accountSid); // the line before has emptied it
}

type Sdk = typeof import('twilio');

async function loadTwilio(): Promise<Sdk> {
  try {
    return peerContent('twilio', (await import('twilio')).default);
  } catch (error) {
    throw peerError('twilio', error);
  }
}

// The constructor's errors name the field that is wrong, and hold no value.
function construct<T>(build: () => T): T {
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
function reportErrors(
  client: Twilio,
  timeoutMs: number | undefined,
  answered: Answered | undefined,
  secrets: readonly (string | undefined)[],
  oauth: OAuthToken | undefined,
): void {
  const request = client.request.bind(client);
  client.request = async (options) => {
    let response: Awaited<ReturnType<typeof request>>;
    // With each request, because an HTTP client of the caller's own has another timeout.
    const timeout = options.timeout ?? timeoutMs;
    const attempts = new Attempts(timeout ?? client.timeout ?? DEFAULT_TIMEOUT_MS);
    let token: string | undefined;
    try {
      // Here, because the SDK would make another error of a failure.
      token = await oauth?.fetchToken();
      do {
        response = await request({
          ...options,
          timeout: attempts.isRetry ? attempts.remainingMs : timeout,
        } as typeof options);
      } while (
        response.statusCode === 429 &&
        !client.autoRetry && // the SDK has tried again by itself
        (await attempts.waitAfter429(response.headers))
      );
    } catch (error) {
      const failure = networkError('twilio', error);
      // Of the OAuth app: its credentials were refused before the request was made.
      if (failure instanceof ProviderError && failure.status) await answered?.(failure.status);
      throw failure;
    }
    const { statusCode, body } = response;
    await answered?.(statusCode);
    // As in the SDK: a read may be answered with a redirect, anything else may not.
    const isRead = options.method?.toLowerCase() === 'get';
    if (statusCode === 401 && token !== undefined) await oauth?.drop(token);
    if (statusCode < 300 || (isRead && statusCode < 400)) return response;
    // Twilio's own form, or the form of RFC 9457 with title and detail.
    const { code, message, title, detail } = (parsed(body) ?? {}) as Record<string, unknown>;
    const text = message ?? detail ?? title;
    const providerCode = typeof code === 'number' ? code : undefined;
    const facts = { status: statusCode, retryAfterMs: retryAfterMs(response.headers) };
    throw answerError('twilio', { ...facts, providerCode, text }, secrets);
  };
}

type HttpClient = NonNullable<Twilio['httpClient']>;

// The SDK makes an agent for each client: 300 tenants would have 300 connections. One through a proxy
// (HTTP_PROXY) is no Agent of Node's, and stays; the certificates of TWILIO_CA_BUNDLE are kept.
function shareConnections(httpClient: HttpClient): void {
  const { defaults } = (httpClient as unknown as { axios: Axios }).axios;
  if (defaults.httpsAgent.constructor !== Agent) return;
  const { ca } = defaults.httpsAgent.options;
  if (!Array.isArray(ca)) defaults.httpsAgent = sharedAgent(ca);
}

// For debugging, the SDK's HTTP client keeps its last request with the credentials, and its last
// answer, which may be an account with its auth token. The sockets of its agent hold requests too.
// The caller's own HTTP client is left alone.
function guardHttpClient(httpClient: HttpClient): void {
  const { axios } = httpClient as unknown as { axios: Axios };
  axios.interceptors.request.use((config) => withDeadline(config, config.timeout));
  let last: HttpClient['lastRequest'];
  Object.defineProperty(httpClient, 'lastRequest', {
    get: () => last,
    set: (request: typeof last) => {
      const headers = { ...(request?.headers as object), Authorization: REDACTED };
      const copy = Object.create(Object.getPrototypeOf(request ?? {}));
      last = request && Object.assign(copy, request, { auth: REDACTED, headers });
      if (last?.url === TOKEN_URL) last.data = REDACTED;
    },
  });
  conceal(httpClient, 'lastResponse');
  lock(httpClient, { hidden: ['axios'], advice: ADVICE });
}

/** The part of the SDK's axios that is used here. */
interface Axios {
  readonly defaults: { httpsAgent: Agent };
  readonly interceptors: {
    readonly request: { use(change: (config: AxiosConfig) => AxiosConfig): void };
  };
}
type AxiosConfig = { readonly timeout: number };

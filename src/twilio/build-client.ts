import type { Twilio } from 'twilio';
import { conceal, lock, printAs } from '../clients/conceal.ts';
import type { ClientOptions, ResolvedCredentials } from '../clients/credentials.ts';
import { peerContent, peerError } from '../clients/load-peer.ts';
import { answerError, networkError } from '../clients/provider-error.ts';
import { secretBase64 } from '../clients/secret-text.ts';
import { assertTimeout, DEFAULT_TIMEOUT_MS, withDeadline } from '../clients/timeout.ts';
import { ProviderError } from '../errors.ts';
import type { twilioProvider } from '../providers/built-in.ts';
import { REDACTED } from '../providers/mask.ts';
import type { TwilioSdkOptions } from './sdk-types.ts';

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
  readonly client?: TwilioSdkOptions;
  /** Milliseconds until a request fails. @defaultValue `client.timeout`, else 30,000 */
  readonly timeoutMs?: number;
}

type TwilioFields = ResolvedCredentials<keyof typeof twilioProvider.fields, 'accountSid'>['fields'];

/** @internal */
export async function buildTwilioClient(
  { fields }: { readonly fields: TwilioFields },
  { client: options = {}, timeoutMs }: TwilioClientOptions,
): Promise<Twilio> {
  assertTimeout(timeoutMs);
  const { Twilio } = await loadTwilio();
  const { accountSid, authToken, apiKey, apiSecret } = fields;
  const [username, password] = apiKey && apiSecret ? [apiKey, apiSecret] : [accountSid, authToken];
  const client = construct(() => {
    return new Twilio(username, password, {
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
  reportErrors(client, timeoutMs, [password, secretBase64(`${username}:${password}`)]);
  if (options.httpClient === undefined) guardHttpClient(client.httpClient as HttpClient);
  Object.freeze(client.opts);
  Object.freeze(client.userAgentExtensions);
  const { region, edge } = client;
  lock(client, { hidden: ['username', 'password', 'opts', '_httpClient'], advice: ADVICE });
  printAs(client, 'Twilio', () => ({ accountSid, region, edge }));
  return client;
}

const ADVICE = 'Pass options to getTwilioClient instead.';

async function loadTwilio(): Promise<{ Twilio: typeof Twilio }> {
  try {
    return peerContent('twilio', (await import('twilio')).default);
  } catch (error) {
    throw peerError('twilio', error);
  }
}

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
function reportErrors(
  client: Twilio,
  timeoutMs: number | undefined,
  secrets: readonly (string | undefined)[],
): void {
  const request = client.request.bind(client);
  client.request = async (options) => {
    let response: Awaited<ReturnType<typeof request>>;
    try {
      // Set for each request, because the caller's own HTTP client may have another timeout.
      response = await request({
        ...options,
        timeout: options.timeout ?? timeoutMs,
      } as typeof options);
    } catch (error) {
      throw networkError('twilio', error);
    }
    const { statusCode, body } = response;
    // As in the SDK: a read may be answered with a redirect, anything else may not.
    const isRead = options.method?.toLowerCase() === 'get';
    if (statusCode < 300 || (isRead && statusCode < 400)) return response;
    // Twilio's own form, or the form of RFC 9457 with title and detail.
    const { code, message, title, detail } = (parsed(body) ?? {}) as Record<string, unknown>;
    const text = message ?? detail ?? title;
    const providerCode = typeof code === 'number' ? code : undefined;
    throw answerError('twilio', { status: statusCode, providerCode, text }, secrets);
  };
}

type HttpClient = NonNullable<Twilio['httpClient']>;

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
    },
  });
  conceal(httpClient, 'lastResponse');
  lock(httpClient, { hidden: ['axios'], advice: ADVICE });
}

/** The part of the SDK's axios that is used here. */
interface Axios {
  readonly interceptors: {
    readonly request: { use(change: (config: AxiosConfig) => AxiosConfig): void };
  };
}
type AxiosConfig = { readonly timeout: number };

function parsed(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // an error page of a proxy
  }
}

import type { Answered } from '../clients/answered.ts';
import { lock, printAs } from '../clients/conceal.ts';
import { sharedAgentUnlessReplaced } from '../clients/connection-pool.ts';
import type { ClientOptions, ResolvedCredentials } from '../clients/credentials.ts';
import { peerContent, peerError } from '../clients/load-peer.ts';
import { answerError, networkError } from '../clients/provider-error.ts';
import { Attempts, retryAfterMs } from '../clients/rate-limit.ts';
import { assertTimeout, DEFAULT_TIMEOUT_MS, withDeadline } from '../clients/timeout.ts';
import { invalidArgument, ProviderError } from '../errors.ts';
import type { sendgridProvider } from '../providers/built-in.ts';
import type { SendGridMailService } from './types.ts';

/**
 * Options of {@link getSendGridClient}.
 *
 * @public
 */
export interface SendGridClientOptions extends ClientOptions {
  /**
   * Where SendGrid keeps the data; an API key belongs to one residency.
   *
   * @defaultValue the field `residency` of the credentials, else `"global"`
   */
  readonly residency?: 'global' | 'eu';
  /**
   * Another address of the API: a proxy, or a stand-in in tests. It gets the API key. An http(s) URL
   * without user name and password.
   */
  readonly baseUrl?: string;
  /** Milliseconds until a request fails. @defaultValue 30,000 */
  readonly timeoutMs?: number;
}

type SendGridFields = ResolvedCredentials<keyof typeof sendgridProvider.fields, 'apiKey'>['fields'];

/** @internal */
export async function buildSendGridClient(
  { fields, answered }: { readonly fields: SendGridFields; readonly answered?: Answered },
  options: SendGridClientOptions,
): Promise<SendGridMailService> {
  assertSendGridOptions(options);
  const { apiKey } = fields;
  const { residency = fields.residency || 'global', timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  // In both cases the SDK only prints a warning, and goes on.
  assertResidency(residency);
  if (!apiKey.startsWith('SG.')) {
    throw invalidArgument('The SendGrid API key does not begin with "SG.".');
  }
  const MailService = await loadMailService();
  const mail = new MailService();
  const { client } = mail;
  client.setDataResidency(residency);
  client.setApiKey(apiKey);
  client.setDefaultRequest('timeout', timeoutMs); // without it, a silent server holds the caller for good
  if (options.baseUrl !== undefined) client.setDefaultRequest('baseUrl', options.baseUrl);
  guardRequests(client, timeoutMs, answered, [apiKey]);
  const { defaultHeaders, defaultRequest } = client;
  const { substitutionWrappers, secretRules } = mail;
  for (const settings of [
    defaultHeaders,
    defaultRequest.headers,
    substitutionWrappers,
    secretRules,
  ]) {
    Object.freeze(settings);
  }
  const advice = 'Pass options to getSendGridClient instead, or store another API key.';
  lock(Object.preventExtensions(defaultRequest), { advice });
  lock(client, { hidden: ['auth'], advice });
  lock(mail, { advice });
  printAs(client, 'SendGridClient', () => ({ residency }));
  printAs(mail, 'SendGridMailService', () => ({ residency }));
  return mail as unknown as SendGridMailService;
}

/** @internal */
export function assertSendGridOptions({
  residency,
  baseUrl,
  timeoutMs,
}: SendGridClientOptions): void {
  assertTimeout(timeoutMs);
  if (residency !== undefined) assertResidency(residency);
  if (baseUrl === undefined) return;
  const url = typeof baseUrl === 'string' && URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (!/^https?:$/.test(url?.protocol ?? '') || url?.username || url?.password) {
    throw invalidArgument('baseUrl must be an http(s) URL without user name and password.');
  }
}

function assertResidency(residency: unknown): void {
  if (residency !== 'global' && residency !== 'eu') {
    throw invalidArgument('residency must be "global" or "eu".');
  }
}

// The members of the instances; the package's types describe another shape than it exports.
interface OfficialClient {
  setApiKey(key: string): void;
  setDataResidency(residency: string): void;
  setDefaultRequest(name: string, value: unknown): void;
  readonly auth: string;
  readonly defaultHeaders: object;
  readonly defaultRequest: { readonly headers: object };
  createRequest(data: object): AxiosConfig;
  request(data: object, callback?: Callback): Promise<unknown>;
}
interface AxiosConfig {
  readonly url?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}
type Callback = (error: unknown, result: unknown) => void;

interface OfficialMailService {
  readonly client: OfficialClient;
  readonly substitutionWrappers: readonly string[];
  readonly secretRules: readonly object[];
}
type MailServiceClass = new () => OfficialMailService;

async function loadMailService(): Promise<MailServiceClass> {
  try {
    const { default: mail } = await import('@sendgrid/mail');
    const content = peerContent('@sendgrid/mail', mail);
    return (content as unknown as { MailService: MailServiceClass }).MailService;
  } catch (error) {
    throw peerError('@sendgrid/mail', error);
  }
}

// Every request of the SDK passes through these two methods.
function guardRequests(
  client: OfficialClient,
  timeoutMs: number,
  answered: Answered | undefined,
  secrets: readonly string[],
): void {
  const createRequest = client.createRequest.bind(client);
  let remainingMs = timeoutMs;
  client.createRequest = (data) => {
    const config = createRequest(data);
    refuseForeignSender(config, client.auth);
    // With a proxy of the environment, axios makes an agent of its own.
    const httpsAgent = sharedAgentUnlessReplaced();
    return withDeadline({ ...config, ...(httpsAgent && { httpsAgent }) }, remainingMs);
  };
  const request = client.request.bind(client);
  const requestInTime = (data: object, attempts: Attempts) => {
    ({ remainingMs } = attempts);
    try {
      return request(data); // calls createRequest before it returns
    } finally {
      remainingMs = timeoutMs;
    }
  };
  const requestPatiently = async (data: object): Promise<unknown> => {
    const attempts = new Attempts(timeoutMs);
    for (;;) {
      try {
        const result = await requestInTime(data, attempts);
        await answered?.(200);
        return result;
      } catch (error) {
        const { status, headers } = answerOf(error);
        if (status === 429 && (await attempts.waitAfter429(headers))) continue;
        const failure = toProviderError(error, secrets);
        if (failure instanceof ProviderError && failure.status) await answered?.(failure.status);
        throw failure;
      }
    }
  };
  client.request = (data, callback) => {
    const answer = requestPatiently(data);
    if (callback === undefined) return answer;
    return answer.then(
      (result) => callback(null, result),
      (error) => callback(error, null),
    );
  };
}

// The SDK makes HTTP headers of a mail's headers, and lets them replace the API key. And Mail Send
// ignores on-behalf-of: the mail would go out as the parent account's.
function refuseForeignSender({ url = '', headers = {} }: AxiosConfig, auth: string): void {
  for (const [name, value] of Object.entries(headers)) {
    if (/^authorization$/i.test(name) && value !== auth) {
      throw invalidArgument('A mail or request must not bring an Authorization header of its own.');
    }
    if (/^on-behalf-of$/i.test(name) && /\/mail\/send\b/.test(url)) {
      throw invalidArgument(
        'SendGrid does not send mail on behalf of a subuser. Store an API key of the subuser instead.',
      );
    }
  }
}

function answerOf(error: unknown) {
  const { code, response = {} } = (error ?? {}) as {
    code?: unknown;
    response?: { status?: unknown; headers?: unknown; body?: { errors?: unknown } };
  };
  const status = typeof code === 'number' ? code : response.status; // the SDK calls it code
  return { ...response, status };
}

function toProviderError(error: unknown, secrets: readonly string[]): Error {
  const { status, headers, body } = answerOf(error);
  if (typeof status !== 'number') return networkError('sendgrid', error);
  const errors = body?.errors;
  const text = Array.isArray(errors) ? errors.map(textOf).join('; ') : undefined;
  return answerError('sendgrid', { status, retryAfterMs: retryAfterMs(headers), text }, secrets);
}

function textOf(error: { message?: unknown; field?: unknown } | null): string {
  const { message, field } = error ?? {};
  return typeof field === 'string' && field !== '' ? `${field}: ${message}` : String(message);
}

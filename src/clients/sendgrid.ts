import { invalidArgument } from '../errors.ts';
import { sendgridProvider } from '../providers/sendgrid.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { conceal, printAs } from './conceal.ts';
import { type ClientOptions, defineClientFactory } from './define-client-factory.ts';
import { loadPeer } from './load-peer.ts';
import { answerError, networkError } from './provider-error.ts';
import type { SendGridMailService } from './sendgrid-types.ts';

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
}

/**
 * The official SendGrid mail service of a tenant, from the package `@sendgrid/mail`: always an
 * instance of its own, never the package's shared one.
 *
 * Looks in the environment (tenant `default`, unless told otherwise), then in the vault.
 *
 * It is the SDK's own service but for these things. Its errors are a `ProviderError` with SendGrid's
 * `status`. A mail for a subuser (`on-behalf-of`), or with an `Authorization` header, is refused. And
 * printing it shows no credential.
 *
 * @example
 * ```ts
 * const mail = await getSendGridClient(vault, { tenantId: 'acme' });
 * await mail.send({ to, from, subject, text });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` naming what is missing and where it looked;
 * `ERR_ENV_INCOMPLETE`; `ERR_INVALID_ARGUMENT` for an unknown residency or a key that is none;
 * `ERR_PEER_MISSING`; what reading the vault throws
 * @public
 */
export const getSendGridClient: (
  vault: SecretsVault,
  options?: SendGridClientOptions,
) => Promise<SendGridMailService> = defineClientFactory(
  sendgridProvider,
  async ({ fields }, options: SendGridClientOptions) => {
    assertSendGridOptions(options);
    const { apiKey } = fields;
    const { residency = fields.residency || 'global' } = options;
    // The SDK only prints a warning in both cases, and goes on.
    assertResidency(residency);
    if (!apiKey.startsWith('SG.')) {
      throw invalidArgument('The SendGrid API key does not begin with "SG.".');
    }
    const MailService = await loadMailService();
    const mail = new MailService();
    mail.client.setDataResidency(residency);
    mail.client.setApiKey(apiKey);
    if (options.baseUrl !== undefined) mail.client.setDefaultRequest('baseUrl', options.baseUrl);
    reportErrors(mail.client, [apiKey]);
    conceal(mail.client, 'auth');
    printAs(mail.client, 'SendGridClient', () => ({ residency }));
    printAs(mail, 'SendGridMailService', () => ({ residency }));
    return mail as unknown as SendGridMailService;
  },
);

/** @internal */
export function assertSendGridOptions({ residency, baseUrl }: SendGridClientOptions): void {
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

// What the instances have; the package's types describe another shape than it exports.
interface OfficialClient {
  setApiKey(key: string): void;
  setDataResidency(residency: string): void;
  setDefaultRequest(name: string, value: unknown): void;
  readonly auth: string;
  createRequest(data: RequestData): { url?: string; headers?: Record<string, unknown> };
  request(data: RequestData, callback?: Callback): Promise<unknown>;
}
type RequestData = { url?: string; uri?: string; headers?: Record<string, unknown> };
type Callback = (error: unknown, result: unknown) => void;

async function loadMailService(): Promise<new () => { client: OfficialClient }> {
  const module = await loadPeer('@sendgrid/mail', () => import('@sendgrid/mail'));
  return (module.default as unknown as { MailService: new () => { client: OfficialClient } })
    .MailService;
}

function reportErrors(client: OfficialClient, secrets: readonly string[]): void {
  const request = client.request.bind(client);
  client.request = (data, callback) => {
    const answer = refuseForeignSender(client, data)
      .then(() => request(data))
      .catch((error: unknown) => {
        throw toProviderError(error, secrets);
      });
    if (callback === undefined) return answer;
    return answer.then(
      (result) => callback(null, result),
      (error) => callback(error, null),
    );
  };
}

// The SDK makes HTTP headers of a mail's headers, and lets them replace the API key. And Mail Send does
// not know on-behalf-of: the mail would go out as the parent account's.
async function refuseForeignSender(client: OfficialClient, data: RequestData): Promise<void> {
  const { url = '', headers = {} } = client.createRequest(data);
  for (const [name, value] of Object.entries(headers)) {
    if (/^authorization$/i.test(name) && value !== client.auth) {
      throw invalidArgument('A mail or request must not bring an Authorization header of its own.');
    }
    if (/^on-behalf-of$/i.test(name) && /\/mail\/send\b/.test(url)) {
      throw invalidArgument(
        'SendGrid does not send mail on behalf of a subuser. Store an API key of the subuser instead.',
      );
    }
  }
}

function toProviderError(error: unknown, secrets: readonly string[]): Error {
  const { code, response } = (error ?? {}) as {
    code?: unknown;
    response?: { status?: unknown; body?: { errors?: unknown } };
  };
  const status = typeof code === 'number' ? code : response?.status; // the SDK calls it code
  if (typeof status !== 'number') return networkError('sendgrid', error);
  const errors = response?.body?.errors;
  const text = Array.isArray(errors) ? errors.map(textOf).join('; ') : undefined;
  return answerError('sendgrid', { status, text }, secrets);
}

function textOf(error: { message?: unknown; field?: unknown } | null): string {
  const { message, field } = error ?? {};
  return typeof field === 'string' && field !== '' ? `${field}: ${message}` : String(message);
}

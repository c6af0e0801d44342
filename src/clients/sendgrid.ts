import { invalidArgument } from '../errors.ts';
import { sendgridProvider } from '../providers/sendgrid.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { conceal } from './conceal.ts';
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
  /** Another address of the API: a proxy, or a stand-in in tests. */
  readonly baseUrl?: string;
}

/**
 * The official SendGrid mail service of a tenant, from the package `@sendgrid/mail`: always an
 * instance of its own, never the package's shared one.
 *
 * Looks in the environment (tenant `default`, unless told otherwise), then in the vault. Its errors
 * are a `ProviderError` with SendGrid's `status`.
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
    const residency = options.residency ?? fields.residency ?? 'global';
    // The SDK only prints a warning in both cases, and goes on.
    if (residency !== 'global' && residency !== 'eu') {
      throw invalidArgument('residency must be "global" or "eu".');
    }
    const apiKey = fields.apiKey as string;
    if (!apiKey.startsWith('SG.')) {
      throw invalidArgument('The SendGrid API key does not begin with "SG.".');
    }
    const MailService = await loadMailService();
    const mail = new MailService();
    mail.client.setDataResidency(residency);
    mail.client.setApiKey(apiKey);
    if (options.baseUrl !== undefined) mail.client.setDefaultRequest('baseUrl', options.baseUrl);
    reportErrors(mail.client, [apiKey]);
    conceal(mail.client, 'SendGridClient', { residency }, ['auth']);
    conceal(mail, 'SendGridMailService', { residency }, []);
    return mail as unknown as SendGridMailService;
  },
);

// What the instances have; the package's types describe another shape than it exports.
interface OfficialClient {
  setApiKey(key: string): void;
  setDataResidency(residency: string): void;
  setDefaultRequest(name: string, value: unknown): void;
  impersonateSubuser: string;
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
    const answer = refuseOnBehalfOf(client, data)
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

// Mail Send does not know the header: the mail would go out as the parent account's.
async function refuseOnBehalfOf(client: OfficialClient, data: RequestData): Promise<void> {
  const named = Object.keys(data.headers ?? {}).some((name) => /^on-behalf-of$/i.test(name));
  const isMail = /\/mail\/send\/?$/.test(data.url ?? data.uri ?? '');
  if (isMail && (named || client.impersonateSubuser)) {
    throw invalidArgument(
      'SendGrid does not send mail on behalf of a subuser. Store an API key of the subuser instead.',
    );
  }
}

function toProviderError(error: unknown, secrets: readonly string[]): Error {
  const { code, response } = (error ?? {}) as {
    code?: unknown;
    response?: { body?: { errors?: readonly { message?: unknown }[] } };
  };
  if (typeof code !== 'number') return networkError('sendgrid', error);
  const text = response?.body?.errors?.map(({ message }) => String(message)).join('; ');
  return answerError('sendgrid', { status: code, text }, secrets);
}

import { invalidArgument, isVaultError, type VaultErrorCode } from '../errors.ts';
import { coreOf } from '../vault/internals.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { ProviderError } from './provider-error.ts';
import { getSendGridClient, type SendGridClientOptions } from './sendgrid.ts';
import { getTwilioClient, type TwilioClientOptions } from './twilio.ts';

/**
 * Options of {@link testConnection}.
 *
 * @public
 */
export interface TestConnectionOptions extends TwilioClientOptions, SendGridClientOptions {
  /** Whose connection. */
  readonly tenantId: string;
  /** `twilio` or `sendgrid`. */
  readonly provider: string;
  /** Milliseconds until it is given up. @defaultValue 10,000 */
  readonly timeoutMs?: number;
}

/**
 * What {@link testConnection} found.
 *
 * @public
 */
export interface ConnectionResult {
  /** Whether the provider accepts the credentials. */
  readonly ok: boolean;
  /** Why not. */
  readonly code?: ConnectionProblem;
  /** A sentence for the one who looks at the settings page. It holds no credential. */
  readonly detail?: string;
}

/**
 * Why a connection does not work: what the provider says, or the code of the `VaultError` because of
 * which it was not asked (`ERR_NOT_CONFIGURED`, `ERR_ENV_INCOMPLETE`, `ERR_DECRYPTION_FAILED`, …).
 *
 * @public
 */
export type ConnectionProblem =
  | 'wrong_credentials'
  | 'suspended'
  | 'rate_limited'
  | 'unreachable'
  | 'timeout'
  | 'provider_error'
  | VaultErrorCode;

const TESTS: Readonly<
  Record<string, (vault: SecretsVault, options: TestConnectionOptions) => Promise<ConnectionResult>>
> = { twilio: testTwilio, sendgrid: testSendGrid };

/**
 * Whether a tenant's credentials work, by one cheap authenticated call of the official SDK.
 *
 * Trouble with the credentials, the record or the provider is a result, never thrown.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` for a provider that cannot be tested; `ERR_PEER_MISSING`
 * @public
 */
export async function testConnection(
  vault: SecretsVault,
  options: TestConnectionOptions,
): Promise<ConnectionResult> {
  const { tenantId, provider, timeoutMs = 10_000 } = options;
  const test = Object.hasOwn(TESTS, provider) ? TESTS[provider] : undefined;
  if (test === undefined) {
    throw invalidArgument(`Only ${Object.keys(TESTS).join(' and ')} can be tested.`);
  }
  const result = await Promise.race([test(vault, options).catch(problemOf), timeout(timeoutMs)]);
  await coreOf(vault).trail.record({
    action: 'test',
    tenantId,
    provider,
    outcome: result.ok ? 'ok' : 'failed',
    ...(result.code !== undefined && { code: result.code }),
  });
  return result;
}

async function testTwilio(
  vault: SecretsVault,
  options: TestConnectionOptions,
): Promise<ConnectionResult> {
  const client = await getTwilioClient(vault, clientOptions(options));
  // A standard API key may not read the account itself; the auth token may, and learns its state.
  if (client.username !== client.accountSid) {
    await client.incomingPhoneNumbers.page({ pageSize: 1 });
    return { ok: true };
  }
  const { status } = await client.api.v2010.accounts(client.accountSid).fetch();
  if (status === 'active') return { ok: true };
  return { ok: false, code: 'suspended', detail: `The Twilio account is ${status}.` };
}

async function testSendGrid(
  vault: SecretsVault,
  options: TestConnectionOptions,
): Promise<ConnectionResult> {
  const mail = await getSendGridClient(vault, clientOptions(options));
  await mail.client.request({ method: 'GET', url: '/v3/scopes' });
  return { ok: true };
}

// The same client as the application's, where it uses the same options.
function clientOptions(
  options: TestConnectionOptions,
): TwilioClientOptions & SendGridClientOptions {
  const { provider: _provider, timeoutMs: _timeout, ...rest } = options;
  return rest;
}

function problemOf(error: unknown): ConnectionResult {
  if (!isVaultError(error)) throw error;
  if (error.code === 'ERR_PEER_MISSING' || error.code === 'ERR_INVALID_ARGUMENT') throw error;
  const { message: detail } = error;
  if (error.code !== 'ERR_PROVIDER') return { ok: false, code: error.code, detail };
  return { ok: false, code: providerProblem(error as ProviderError), detail };
}

// Twilio: https://www.twilio.com/docs/api/errors
const TWILIO_SUSPENDED = new Set<unknown>([20005, 90010, 30002]);

function providerProblem({ status, providerCode }: ProviderError): ConnectionProblem {
  if (status === undefined) {
    const timedOut = providerCode === 'ECONNABORTED' || providerCode === 'ETIMEDOUT';
    return timedOut ? 'timeout' : 'unreachable';
  }
  if (TWILIO_SUSPENDED.has(providerCode)) return 'suspended';
  if (status === 401 || status === 403) return 'wrong_credentials';
  return status === 429 ? 'rate_limited' : 'provider_error';
}

function timeout(ms: number): Promise<ConnectionResult> {
  const detail = `No answer within ${ms} ms.`;
  return new Promise((resolve) => {
    setTimeout(() => resolve({ ok: false, code: 'timeout', detail }), ms).unref();
  });
}

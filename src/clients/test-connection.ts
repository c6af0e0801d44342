import { setTimeout as sleep } from 'node:timers/promises';
import {
  invalidArgument,
  isVaultError,
  type ProviderError,
  type VaultErrorCode,
} from '../errors.ts';
import { assertEnvOverride } from '../providers/environment.ts';
import { assertTenantId } from '../record/ref.ts';
import { coreOf } from '../vault/internals.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { assertOptions } from './define-client-factory.ts';
import {
  assertSendGridOptions,
  getSendGridClient,
  type SendGridClientOptions,
} from './sendgrid.ts';
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
  | 'not_allowed'
  | 'suspended'
  | 'rate_limited'
  | 'unreachable'
  | 'timeout'
  | 'provider_error'
  | VaultErrorCode;

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1; // of a timer

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
  const test = checked(options);
  const { tenantId, provider, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const stopped = new AbortController();
  const result = await Promise.race([
    test(vault, options).catch(problemOf),
    timeout(timeoutMs, stopped.signal),
  ]).finally(() => stopped.abort());
  await coreOf(vault).trail.record({
    action: 'test',
    tenantId,
    provider,
    outcome: result.ok ? 'ok' : 'failed',
    ...(result.code !== undefined && { code: result.code }),
  });
  return result;
}

// What is wrong later is wrong with what was found, and a result.
function checked(options: TestConnectionOptions): (typeof TESTS)[string] {
  assertOptions(options);
  const { tenantId, provider, envOverride, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  assertTenantId(tenantId);
  assertEnvOverride(envOverride);
  assertSendGridOptions(options);
  if (!(typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw invalidArgument('timeoutMs must be more than 0.');
  }
  const test = typeof provider === 'string' && Object.hasOwn(TESTS, provider) && TESTS[provider];
  if (test) return test;
  throw invalidArgument(`Only ${Object.keys(TESTS).join(' and ')} can be tested.`);
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
  const [{ body }] = await mail.client.request({ method: 'GET', url: '/v3/scopes' });
  const { scopes } = body as { scopes?: unknown };
  if (!Array.isArray(scopes) || scopes.includes('mail.send')) return { ok: true };
  return {
    ok: false,
    code: 'not_allowed',
    detail: 'The API key may not send mail: it lacks the scope mail.send.',
  };
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
  if (error.code === 'ERR_PEER_MISSING') throw error;
  const { message: detail } = error;
  // The caller's arguments were checked before: it is a credential that has not the form of one.
  if (error.code === 'ERR_INVALID_ARGUMENT')
    return { ok: false, code: 'wrong_credentials', detail };
  if (!isVaultError(error, 'ERR_PROVIDER')) return { ok: false, code: error.code, detail };
  return { ok: false, code: providerProblem(error), detail };
}

// Twilio: https://www.twilio.com/docs/api/errors
const TWILIO_SUSPENDED = new Set<unknown>([20005, 90010, 30002]);

function providerProblem({ status, providerCode }: ProviderError): ConnectionProblem {
  if (status === undefined) {
    if (providerCode === undefined) return 'wrong_credentials'; // refused by the SDK, not asked
    const timedOut = providerCode === 'ECONNABORTED' || providerCode === 'ETIMEDOUT';
    return timedOut ? 'timeout' : 'unreachable';
  }
  if (TWILIO_SUSPENDED.has(providerCode)) return 'suspended';
  if (status === 401) return 'wrong_credentials';
  if (status === 403) return 'not_allowed';
  return status === 429 ? 'rate_limited' : 'provider_error';
}

// An SDK whose HTTP client was replaced may not keep to a timeout of its own.
async function timeout(ms: number, signal: AbortSignal): Promise<ConnectionResult> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return { ok: false, code: 'timeout', detail: `No answer within ${ms} ms.` };
}

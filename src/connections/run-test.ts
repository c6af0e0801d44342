import { setTimeout as sleep } from 'node:timers/promises';
import type { Twilio } from 'twilio';
import { assertObject } from '../clients/credentials.ts';
import { assertTimeout } from '../clients/timeout.ts';
import { auditRefusal, auditSubject, locate } from '../core/audited.ts';
import { assertOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import { coreOf, type VaultCore } from '../core/vault-core.ts';
import {
  invalidArgument,
  isVaultError,
  type ProviderError,
  VaultError,
  type VaultErrorCode,
} from '../errors.ts';
import { sendgridProvider, twilioProvider } from '../providers/built-in.ts';
import { missingFields, type ProviderDefinition } from '../providers/define-provider.ts';
import { assertEnvOverride } from '../providers/environment.ts';
import { applyChanges, emptyFields, fieldEntries } from '../providers/fields.ts';
import {
  assertSendGridOptions,
  buildSendGridClient,
  type SendGridClientOptions,
} from '../sendgrid/build-client.ts';
import { getSendGridClient } from '../sendgrid/client.ts';
import type { SendGridMailService } from '../sendgrid/types.ts';
import { buildTwilioClient, type TwilioClientOptions } from '../twilio/build-client.ts';
import { getTwilioClient } from '../twilio/client.ts';
import { formChanges } from '../vault/form.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';

/**
 * Options of {@link testConnection}.
 *
 * @public
 */
export interface TestConnectionOptions extends TwilioClientOptions, SendGridClientOptions {
  /** The tenant. */
  readonly tenantId: string;
  /** The provider, `twilio` or `sendgrid`. */
  readonly provider: 'twilio' | 'sendgrid' | (string & Record<never, never>);
  /**
   * A form to test before it is saved, as `applyForm` would merge it: `null` removes, and a mask or an
   * empty string stands for the stored value. Nothing is written.
   */
  readonly fields?: Readonly<Record<string, string | null | undefined>>;
  /** Milliseconds until the test is given up. @defaultValue 10,000 */
  readonly timeoutMs?: number;
}

/**
 * The result of {@link testConnection}.
 *
 * @public
 */
export interface ConnectionResult {
  /** Whether the provider accepts the credentials. */
  readonly ok: boolean;
  /** Why it does not. */
  readonly code?: ConnectionProblem;
  /** A sentence for the settings page. It holds no credential. */
  readonly detail?: string;
}

/**
 * Why a connection does not work: the provider's answer, or the code of the `VaultError` that
 * prevented the request (`ERR_NOT_CONFIGURED`, `ERR_ENV_INCOMPLETE`, `ERR_DECRYPTION_FAILED`, …).
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

interface ConnectionTest {
  readonly definition: ProviderDefinition;
  /** One cheap authenticated call, with the tenant's client or with one built from `fields`. */
  run(
    vault: SecretsVault,
    options: TwilioClientOptions & SendGridClientOptions,
    fields: Readonly<Record<string, string>> | undefined,
  ): Promise<ConnectionResult>;
}

const TESTS = {
  twilio: {
    definition: twilioProvider,
    run: async (vault, options, fields) =>
      testTwilio(
        fields === undefined
          ? await getTwilioClient(vault, options)
          : await buildTwilioClient({ fields: fields as { accountSid: string } }, options),
      ),
  },
  sendgrid: {
    definition: sendgridProvider,
    run: async (vault, options, fields) =>
      testSendGrid(
        fields === undefined
          ? await getSendGridClient(vault, options)
          : await buildSendGridClient({ fields: fields as { apiKey: string } }, options),
      ),
  },
} as const satisfies Record<string, ConnectionTest>;

/** Does the work of `testConnection`. @internal */
export async function runConnectionTest(
  vault: SecretsVault,
  options: TestConnectionOptions,
): Promise<ConnectionResult> {
  const core = coreOf(vault);
  assertObject(options);
  const { tenantId, provider, fields, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const test = await auditRefusal(core, 'test', tenantId, provider, options, () =>
    checkedTest(core, options),
  );
  const stopped = new AbortController();
  const run = async () => {
    const entered = fields && (await enteredFields(core, tenantId, test.definition, fields));
    return test.run(vault, clientOptions(options), entered);
  };
  const result = await Promise.race([
    run().catch(problemOf),
    timeout(timeoutMs, stopped.signal),
  ]).finally(() => stopped.abort());
  await core.trail.record({
    ...auditSubject('test', { tenantId, provider }, options),
    outcome: result.ok ? 'ok' : 'failed',
    ...(result.code !== undefined && { code: result.code }),
  });
  return result;
}

// Arguments are checked here; later errors are about the credentials, and become a result.
function checkedTest(core: VaultCore, options: TestConnectionOptions): ConnectionTest {
  const { tenantId, provider, fields, envOverride, timeoutMs } = options;
  assertOptions(options);
  locate(core, tenantId, provider);
  assertEnvOverride(envOverride);
  assertSendGridOptions(options);
  assertTimeout(timeoutMs);
  if (fields !== undefined) fieldEntries(fields, provider);
  if (Object.hasOwn(TESTS, provider)) return TESTS[provider as keyof typeof TESTS];
  throw invalidArgument(`Only ${Object.keys(TESTS).join(' and ')} can be tested.`);
}

/** The fields that would be stored if the form was saved. */
async function enteredFields(
  core: VaultCore,
  tenantId: string,
  definition: ProviderDefinition,
  form: object,
): Promise<Record<string, string>> {
  const ref = { tenantId, provider: definition.name };
  const { view } = await core.records.readFresh(ref);
  const stored = view ? (await openVersion(core, view.ref, view)).fields : emptyFields();
  const changes = formChanges(form, stored, definition.name, definition);
  const fields = applyChanges(stored, changes, definition.name, definition);
  const missing = missingFields(definition, (field) => Boolean(fields[field]));
  if (missing.length === 0) return fields;
  throw new VaultError('ERR_NOT_CONFIGURED', `Still missing: ${missing.join(', ')}.`);
}

async function testTwilio(client: Twilio): Promise<ConnectionResult> {
  // A standard API key may not read the account itself; the auth token may, and learns its state.
  if (client.username !== client.accountSid) {
    await client.incomingPhoneNumbers.page({ pageSize: 1 });
    return { ok: true };
  }
  const { status } = await client.api.v2010.accounts(client.accountSid).fetch();
  if (status === 'active') return { ok: true };
  return { ok: false, code: 'suspended', detail: `The Twilio account is ${status}.` };
}

async function testSendGrid(mail: SendGridMailService): Promise<ConnectionResult> {
  const [{ body }] = await mail.client.request({ method: 'GET', url: '/v3/scopes' });
  const { scopes } = body as { scopes?: unknown };
  if (!Array.isArray(scopes) || scopes.includes('mail.send')) return { ok: true };
  return {
    ok: false,
    code: 'not_allowed',
    detail: 'The API key may not send mail: it lacks the scope mail.send.',
  };
}

/** With the application's options, the test uses the application's own client. */
function clientOptions(
  options: TestConnectionOptions,
): TwilioClientOptions & SendGridClientOptions {
  const { provider: _provider, timeoutMs: _timeout, fields: _fields, ...rest } = options;
  return rest;
}

function problemOf(error: unknown): ConnectionResult {
  if (!isVaultError(error)) throw error;
  if (error.code === 'ERR_PEER_MISSING') throw error;
  const { message: detail } = error;
  // The caller's arguments were checked before, so this is a malformed credential.
  if (error.code === 'ERR_INVALID_ARGUMENT') {
    return { ok: false, code: 'wrong_credentials', detail };
  }
  if (!isVaultError(error, 'ERR_PROVIDER')) return { ok: false, code: error.code, detail };
  return { ok: false, code: providerProblem(error), detail };
}

// Twilio: https://www.twilio.com/docs/api/errors
const TWILIO_SUSPENDED = new Set<unknown>([20005, 90010, 30002]);

function providerProblem({ status, providerCode }: ProviderError): ConnectionProblem {
  if (status === undefined) {
    if (providerCode === undefined) return 'wrong_credentials'; // the SDK refused them before a request
    const timedOut = providerCode === 'ECONNABORTED' || providerCode === 'ETIMEDOUT';
    return timedOut ? 'timeout' : 'unreachable';
  }
  if (TWILIO_SUSPENDED.has(providerCode)) return 'suspended';
  if (status === 401) return 'wrong_credentials';
  if (status === 403) return 'not_allowed';
  return status === 429 ? 'rate_limited' : 'provider_error';
}

// The caller's own HTTP client may ignore a timeout.
async function timeout(ms: number, signal: AbortSignal): Promise<ConnectionResult> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return { ok: false, code: 'timeout', detail: `No answer within ${ms} ms.` };
}

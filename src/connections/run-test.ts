import { setTimeout as sleep } from 'node:timers/promises';
import type { Twilio } from 'twilio';
import { assertObject, type ClientOptions, resolveCredentials } from '../clients/credentials.ts';
import { assertTimeout } from '../clients/timeout.ts';
import { auditRefusal, auditSubject, locate, type Target } from '../core/audited.ts';
import { assertOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import { traced } from '../core/tracing.ts';
import { coreOf, type VaultCore } from '../core/vault-core.ts';
import { invalidArgument, isVaultError, type ProviderError, VaultError } from '../errors.ts';
import { noteHealth } from '../lifecycle/health.ts';
import {
  type ConnectionProblem,
  type ConnectionResult,
  problemOfStatus,
} from '../providers/connection-result.ts';
import { missingFields, type ProviderDefinition } from '../providers/define-provider.ts';
import { assertEnvOverride } from '../providers/environment.ts';
import { applyChanges, emptyFields, fieldEntries, type ProviderRef } from '../providers/fields.ts';
import {
  assertSendGridOptions,
  buildSendGridClient,
  type SendGridClientOptions,
} from '../sendgrid/build-client.ts';
import type { SendGridRequestClient } from '../sendgrid/types.ts';
import { buildTwilioClient, type TwilioClientOptions } from '../twilio/build-client.ts';
import { formChanges } from '../vault/form-changes.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';

/**
 * How a connection is tested.
 *
 * @public
 */
export interface ConnectionTestOptions
  extends Omit<TwilioClientOptions & SendGridClientOptions, keyof ClientOptions> {
  /** Milliseconds until the test is given up. @defaultValue 10,000 */
  readonly timeoutMs?: number;
  /**
   * Whether a field that says where secrets are sent, as the host name of a mail server, may lead to a
   * private, link-local or loopback address. Only for addresses that your own people enter.
   *
   * @defaultValue `false`
   */
  readonly allowPrivateAddresses?: boolean;
}

/**
 * Options of {@link testConnection}.
 *
 * @public
 */
export interface TestConnectionOptions extends ConnectionTestOptions, ClientOptions {
  /** The tenant. */
  readonly tenantId: string;
  /** A provider that can be tested: a built-in one, or one whose definition has `test`. */
  readonly provider: ProviderRef;
  /**
   * A form to test before it is saved, as `applyForm` would merge it: `null` removes, and a mask or an
   * empty string stands for the stored value. Nothing is written.
   */
  readonly fields?: Readonly<Record<string, string | null | undefined>>;
}

type Fields = Readonly<Record<string, string>>;
type SdkTest = (fields: Fields, options: ConnectionTestOptions) => Promise<ConnectionResult>;

const DEFAULT_TIMEOUT_MS = 10_000;

// The tests of providers whose SDK makes the call. All others are in their definitions.
const SDK_TESTS: Readonly<Record<string, SdkTest>> = {
  twilio: async (fields, options) =>
    testTwilio(await buildTwilioClient({ fields: fields as { accountSid: string } }, options)),
  sendgrid: async (fields, options) => {
    const mail = await buildSendGridClient({ fields: fields as { apiKey: string } }, options);
    return testSendGrid(mail.client, fields.senderEmail);
  },
};

/** Whether credentials of a provider can be tested. @internal */
export function canBeTested(definition: ProviderDefinition | undefined): boolean {
  if (definition === undefined) return false;
  return definition.test !== undefined || Object.hasOwn(SDK_TESTS, definition.name);
}

/** Does the work of `testConnection`. @internal */
export async function runConnectionTest(
  vault: SecretsVault,
  options: TestConnectionOptions,
): Promise<ConnectionResult> {
  const core = coreOf(vault);
  assertObject(options);
  const { tenantId, provider, fields, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const { ref, definition } = await auditRefusal(core, 'test', tenantId, provider, options, () =>
    checkedTarget(core, options),
  );
  const stopped = new AbortController();
  let tested: string | undefined; // the etag of what was read from the vault
  const run = async () => {
    const client: ClientOptions = clientOptions(options);
    const found =
      fields === undefined
        ? await resolveCredentials(vault, definition, client)
        : { fields: await enteredFields(core, { ref, definition }, fields) };
    if ('etag' in found) tested = found.etag;
    return testOutcome(definition, () =>
      test(definition, found.fields as Fields, options, stopped.signal),
    );
  };
  const result = await traced(
    'testConnection',
    core.owner,
    async (context) => {
      const answer = run().catch(problemOf);
      const first = await Promise.race([answer, timeout(timeoutMs, stopped.signal)]);
      if (context !== undefined && first.code !== undefined) context.errorType = first.code;
      return first;
    },
    () => ref,
  ).finally(() => stopped.abort());
  await core.trail.record({
    ...auditSubject('test', ref, options),
    outcome: result.ok ? 'ok' : 'failed',
    ...(result.code !== undefined && { code: result.code }),
  });
  if (tested !== undefined) {
    const seen = observation(result);
    if (seen) await noteHealth(core, { ref, etag: tested }, { ...seen, isCheck: true }, options);
  }
  return result;
}

// What an answer says of the credentials. A provider that cannot be reached says nothing of them.
const REFUSALS: readonly unknown[] = [
  'wrong_credentials',
  'not_allowed',
  'suspended',
  'unverified_sender',
] satisfies ConnectionProblem[];

function observation({ ok, code }: ConnectionResult) {
  if (ok) return { state: 'ok' } as const;
  return REFUSALS.includes(code) ? ({ state: 'failing', code } as const) : undefined;
}

function test(
  definition: ProviderDefinition,
  fields: Fields,
  options: TestConnectionOptions,
  signal: AbortSignal,
): Promise<ConnectionResult> {
  const { baseUrl, allowPrivateAddresses = false } = options;
  if (definition.test === undefined) {
    return (SDK_TESTS[definition.name] as SdkTest)(fields, options);
  }
  return definition.test({
    fields,
    signal,
    allowPrivateAddresses,
    ...(baseUrl !== undefined && { baseUrl }),
  });
}

/** What a test found. One that throws, or answers something else, does not end a run over all tenants. */
async function testOutcome(
  { name }: ProviderDefinition,
  run: () => Promise<ConnectionResult>,
): Promise<ConnectionResult> {
  try {
    const result: unknown = await run();
    if (typeof (result as ConnectionResult | undefined)?.ok === 'boolean') {
      return result as ConnectionResult;
    }
  } catch (error) {
    if (isVaultError(error)) throw error;
    // The message of any other error may repeat the request, and with it the credentials.
  }
  const detail = `The test of provider "${name}" failed.`;
  return { ok: false, code: 'provider_error', detail };
}

// Arguments are checked here; later errors are about the credentials, and become a result.
function checkedTarget(
  core: VaultCore,
  options: TestConnectionOptions,
): Target & { readonly definition: ProviderDefinition } {
  const { tenantId, provider, fields, envOverride, timeoutMs } = options;
  assertOptions(options);
  const { ref, definition } = locate(core, tenantId, provider);
  assertEnvOverride(envOverride);
  assertSendGridOptions(options);
  assertTimeout(timeoutMs);
  if (fields !== undefined) fieldEntries(fields, ref.provider);
  if (definition !== undefined && canBeTested(definition)) return { ref, definition };
  throw invalidArgument(
    `Provider "${ref.provider}" cannot be tested: it needs a definition with "test".`,
  );
}

/** The fields that would be stored if the form was saved. */
async function enteredFields(
  core: VaultCore,
  { ref, definition }: Target & { readonly definition: ProviderDefinition },
  form: object,
): Promise<Fields> {
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

async function testSendGrid(
  client: SendGridRequestClient,
  sender: string | undefined,
): Promise<ConnectionResult> {
  const { scopes } = await read(client, '/v3/scopes');
  if (Array.isArray(scopes) && !scopes.includes('mail.send')) {
    const detail = 'The API key may not send mail: it lacks the scope mail.send.';
    return { ok: false, code: 'not_allowed', detail };
  }
  if (!sender || (await isVerified(client, sender.trim().toLowerCase()))) return { ok: true };
  const detail = 'SendGrid does not know the sender: verify the address or its domain there.';
  return { ok: false, code: 'unverified_sender', detail };
}

/** Whether SendGrid sends for an address. A key that may not ask says nothing against it. */
async function isVerified(client: SendGridRequestClient, sender: string): Promise<boolean> {
  try {
    const { results } = await read(client, '/v3/verified_senders');
    const domains = await read(client, '/v3/whitelabel/domains');
    if (!Array.isArray(results) || !Array.isArray(domains)) return true;
    const domain = sender.slice(sender.lastIndexOf('@') + 1);
    return (
      results.some(
        ({ from_email, verified }) => verified && from_email?.toLowerCase() === sender,
      ) || domains.some(({ domain: name, valid }) => valid && name?.toLowerCase() === domain)
    );
  } catch (error) {
    if (isVaultError(error, 'ERR_PROVIDER') && [403, 404].includes(error.status ?? 0)) return true;
    throw error;
  }
}

async function read(client: SendGridRequestClient, url: string) {
  const [{ body }] = await client.request({ method: 'GET', url });
  return body as Record<string, unknown>;
}

/** The options of the application, so that its own address, proxy and region are tested. */
function clientOptions({ provider, timeoutMs, fields, ...rest }: TestConnectionOptions) {
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
  return TWILIO_SUSPENDED.has(providerCode) ? 'suspended' : problemOfStatus(status);
}

// The caller's own HTTP client may ignore a timeout.
async function timeout(ms: number, signal: AbortSignal): Promise<ConnectionResult> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
  return { ok: false, code: 'timeout', detail: `No answer within ${ms} ms.` };
}

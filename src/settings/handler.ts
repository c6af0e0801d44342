import { createHash } from 'node:crypto';
import type { AuditEvent } from '../audit/audit-event.ts';
import { runConnectionTest, type TestConnectionOptions } from '../connections/run-test.ts';
import { isAuditText } from '../core/options.ts';
import { coreOf } from '../core/vault-core.ts';
import { invalidArgument, isVaultError } from '../errors.ts';
import { assertTenantId } from '../names.ts';
import { isDefinition, type ProviderDefinition } from '../providers/define-provider.ts';
import { holdsPlaceholder } from '../providers/mask.ts';
import { secretsToEnterAgain } from '../vault/form-changes.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { assertStatusOptions, type ProviderStatus, type StatusOptions } from '../vault/status.ts';
import { groupActivity } from './activity.ts';
import { empty, json, Refusal } from './answer.ts';
import type {
  AccountHeader,
  ActivityEntry,
  Permissions,
  ProviderView,
  TestResult,
  WebhookView,
} from './contract.ts';
import { TenantLimit } from './limits.ts';
import {
  isUnavailable,
  isUnreadable,
  problemMessage,
  type SettingsMessages,
  translator,
} from './messages.ts';
import { badRequest, conditionOf, formOf, type Route, routeOf } from './request.ts';
import { providerView } from './view.ts';

/**
 * Who sends a request, and what he may do. Take it from your session, never from the request's
 * content.
 *
 * @public
 */
export interface SettingsIdentity {
  readonly tenantId: string;
  /** The user, for the audit trail and for `updatedBy`, which other users of the tenant see. */
  readonly actor: string;
  readonly may: Partial<Permissions>;
}

/**
 * Options of {@link createSettingsHandler}.
 *
 * @public
 */
export interface SettingsHandlerOptions {
  readonly vault: SecretsVault;
  /** The providers that the page offers, in its order. */
  readonly providers: readonly ProviderDefinition[];
  /** The path under which the handler is mounted: `/api/provider-settings`. */
  readonly basePath: string;
  /**
   * Who asks: from your session. Nothing means that nobody is logged in. Sessions and protection from
   * CSRF are yours.
   */
  identify(
    request: Request,
  ): SettingsIdentity | null | undefined | Promise<SettingsIdentity | null | undefined>;
  /** The latest events of a tenant, as `MongoAuditSink.find` returns them. @defaultValue none */
  readonly activity?: (tenantId: string) => Promise<readonly AuditEvent[]>;
  /** A translation of {@link settingsMessages}. */
  readonly messages?: Partial<SettingsMessages>;
  /** Addresses that a tenant enters at a provider. @defaultValue none */
  readonly webhooks?: (tenantId: string, provider: string) => readonly WebhookView[];
  /** Options of your client factories, for the tests of connections. */
  readonly connection?: Pick<TestConnectionOptions, 'client' | 'baseUrl' | 'residency'>;
  /** As in `StatusOptions`. @defaultValue `process.env` */
  readonly env?: NonNullable<StatusOptions['env']>;
  /** As in `StatusOptions`. */
  readonly envOverride?: NonNullable<StatusOptions['envOverride']>;
  /**
   * Is told of errors whose words the client does not see: those behind a 500 or 503, and those of
   * `activity` and `webhooks`.
   */
  readonly onError?: (error: unknown, request: Request) => void;
}

const TESTS_PER_MINUTE = 10;
const SAVES_PER_MINUTE = 60;
const ACCOUNT_HEADER: AccountHeader = 'settings-account';

type Form = Readonly<Record<string, string | null>>;

/** One request whose sender is known. */
interface Call {
  readonly request: Request;
  readonly tenantId: string;
  readonly actor: string;
  readonly may: Permissions;
  /** For the vault. */
  readonly options: StatusOptions;
}

/**
 * Makes the backend of a settings page: a function from a `Request` to a `Response`, which speaks the
 * settings contract. Use it as it is in Next or Hono; `toNodeListener` adapts it to Express and
 * `node:http`.
 *
 * No answer holds a secret. A save needs the etag that the page was shown; all fields are checked
 * before any is written. A tenant has 10 tests and 60 saves per minute, in each process.
 *
 * @example
 * ```ts
 * const handle = createSettingsHandler({
 *   vault,
 *   providers: [twilioProvider, sendgridProvider],
 *   basePath: '/api/provider-settings',
 *   identify: async (request) => {
 *     const session = await sessionOf(request); // yours
 *     return session && { tenantId: session.tenantId, actor: session.user, may: { read: true } };
 *   },
 * });
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT` for malformed options
 * @public
 */
export function createSettingsHandler(
  options: SettingsHandlerOptions,
): (request: Request) => Promise<Response> {
  const { vault, identify, env, envOverride, connection = {} } = options;
  const { registry } = coreOf(vault);
  const basePath = checkedBasePath(options.basePath);
  const providers = checkedProviders(options.providers);
  if (typeof identify !== 'function') throw invalidArgument('identify must be a function.');
  for (const name of ['activity', 'webhooks', 'onError'] as const) {
    if (!['undefined', 'function'].includes(typeof options[name])) {
      throw invalidArgument(`${name} must be a function.`);
    }
  }
  assertStatusOptions(options);
  const say = translator(options.messages);
  const tests = new TenantLimit(TESTS_PER_MINUTE);
  const saves = new TenantLimit(SAVES_PER_MINUTE);

  async function handle(request: Request): Promise<Response> {
    const route = routeOf(request.url, basePath);
    const methods = route && methodsOf(route);
    if (request.method === 'OPTIONS' && methods) {
      return empty(204, { allow: methods.join(', ') });
    }
    const call = await identified(request);
    const definition = route?.provider === undefined ? undefined : providers.get(route.provider);
    if (route === undefined || methods === undefined) throw notFound();
    if (route.provider !== undefined && definition === undefined) throw notFound();
    if (!methods.includes(request.method)) {
      const headers = { allow: methods.join(', ') };
      throw new Refusal(405, 'ERR_METHOD_NOT_ALLOWED', 'methodNotAllowed', { headers });
    }
    if (definition === undefined) return overview(call);
    requireSameAccount(call);
    if (route.test) return test(call, definition);
    return request.method === 'PATCH' ? save(call, definition) : remove(call, definition);
  }

  async function identified(request: Request): Promise<Call> {
    const identity = await identify(request);
    if (!identity) throw new Refusal(401, 'LOGIN', 'login');
    const { tenantId, actor, may } = identity;
    assertTenantId(tenantId); // a defect of the host: an answer of 500, and nobody's data
    if (!isAuditText(actor)) throw invalidArgument('identify must return an actor.');
    const isAllowed = (what: keyof Permissions) => may?.[what] === true;
    return {
      request,
      tenantId,
      actor,
      may: {
        read: isAllowed('read'),
        write: isAllowed('write'),
        test: isAllowed('test'),
        remove: isAllowed('remove'),
      },
      options: {
        actor,
        ...(env !== undefined && { env }),
        ...(envOverride !== undefined && { envOverride }),
        signal: request.signal,
      },
    };
  }

  async function overview(call: Call): Promise<Response> {
    const { tenantId, may } = call;
    requirePermission(call, 'read');
    const [statuses, activity] = await Promise.all([
      vault.status(tenantId, undefined, call.options),
      recentActivity(call),
    ]);
    const views = [...providers.values()].map(async (definition) => {
      const known = registry.find(definition.name) === definition;
      const status = known && statuses.find(({ provider }) => provider === definition.name);
      return view(call, definition, status || (await current(call, definition)));
    });
    return json(200, {
      version: 1,
      providers: await Promise.all(views),
      activity,
      may,
      account: accountOf(tenantId),
    });
  }

  /** Without its activity the page is still worth showing. */
  async function recentActivity({ request, tenantId }: Call): Promise<readonly ActivityEntry[]> {
    try {
      const events = (await options.activity?.(tenantId)) ?? [];
      return groupActivity(events, tenantId, providers, say);
    } catch (error) {
      report(error, request);
      return [];
    }
  }

  async function save(call: Call, definition: ProviderDefinition): Promise<Response> {
    const { request, tenantId } = call;
    requirePermission(call, 'write');
    const form = await formOf(request);
    if (form === undefined) throw badRequest();
    const ifMatch = conditionOf(request.headers, true); // after the request itself: RFC 9110 §13.2.1
    const wrong = problems(definition, form);
    if (Object.keys(wrong).length > 0) throw invalid(wrong);
    limit(saves, tenantId, 'tooManySaves');
    const again = await fieldsToEnterAgain(call, definition, form, ifMatch);
    if (Object.keys(again).length > 0) throw invalid(again);
    const saved = await unlessChanged(call, definition, () =>
      vault
        .applyForm(tenantId, definition, form, { ...call.options, ifMatch })
        .catch((error: unknown) => {
          // Each field is checked: together with those that are stored they are too long.
          if (isVaultError(error, 'ERR_INVALID_ARGUMENT')) throw invalid(tooLong(form));
          throw error;
        }),
    );
    return json(200, view(call, definition, saved), etagHeader(saved.etag));
  }

  async function remove(call: Call, definition: ProviderDefinition): Promise<Response> {
    const { request, tenantId, actor } = call;
    requirePermission(call, 'remove');
    const ifMatch = conditionOf(request.headers, false);
    limit(saves, tenantId, 'tooManySaves');
    await unlessChanged(call, definition, () =>
      vault.delete(tenantId, definition, { actor, ifMatch, signal: request.signal }),
    );
    return empty(204);
  }

  async function test(call: Call, definition: ProviderDefinition): Promise<Response> {
    const { request, tenantId, options } = call;
    requirePermission(call, 'test');
    const fields = await formOf(request);
    const { label } = definition;
    limit(tests, tenantId, 'tooManyTests');
    const errors = fields && {
      ...problems(definition, fields),
      ...(await fieldsToEnterAgain(call, definition, fields)),
    };
    if (errors && Object.keys(errors).length > 0) {
      return json(200, {
        ok: false,
        code: 'ERR_INVALID_ARGUMENT',
        message: say('invalid'),
        errors,
      });
    }
    const result = await runConnectionTest(vault, {
      ...connection,
      ...options,
      tenantId,
      provider: definition,
      ...(fields && { fields }),
    }).catch((error: unknown) => {
      // Everything else in the request is checked: there is no test for this provider.
      if (isVaultError(error, 'ERR_INVALID_ARGUMENT')) return undefined;
      throw error;
    });
    if (result === undefined) return json(200, failedTest('ERR_INVALID_ARGUMENT', 'notTestable'));
    if (result.ok) return json(200, { ok: true, message: say('testOk', { label }) });
    const { code = 'provider_error' } = result;
    return json(200, failedTest(code, problemMessage(code)));

    function failedTest(code: string, key: keyof SettingsMessages): TestResult {
      return { ok: false, code, message: say(key, { label }) };
    }
  }

  /** All field errors of a form that can be found without the stored record. */
  function problems(definition: ProviderDefinition, form: Form): Record<string, string> {
    const { label, fields } = definition;
    const found = Object.keys(checked(() => vault.checkForm(definition, form)));
    return Object.fromEntries(
      found.map((field) => {
        const { example } = (Object.hasOwn(fields, field) && fields[field]) || {};
        const value = form[field] ?? '';
        if (!Object.hasOwn(fields, field)) return [field, say('fieldUnknown', { label })];
        if (holdsPlaceholder(value) || value.includes('•')) return [field, say('fieldMask')];
        return [field, example ? say('fieldFormLike', { example }) : say('fieldForm')];
      }),
    );
  }

  /** The error of the longest field. */
  function tooLong(form: Form): Record<string, string> {
    const length = (field: string) => form[field]?.length ?? 0;
    const fields = Object.keys(form).sort((a, b) => length(b) - length(a));
    return Object.fromEntries(fields.slice(0, 1).map((field) => [field, say('tooLarge')]));
  }

  /** The secrets that a form must hold because it changes where they are sent to. */
  async function fieldsToEnterAgain(
    call: Call,
    definition: ProviderDefinition,
    form: Form,
    ifMatch?: string | null,
  ): Promise<Record<string, string>> {
    const destinations = Object.entries(definition.fields).filter(([, field]) => field.destination);
    const changed = destinations.filter(([name]) => form[name]);
    const [destination] = changed;
    if (destination === undefined) return {};
    const status = await current(call, definition);
    if (ifMatch !== undefined && status.etag !== ifMatch) {
      throw conflict(view(call, definition, status));
    }
    const shown = (field: string) => status.fields[field]?.masked;
    const words = { destination: destination[1].label };
    return Object.fromEntries(
      secretsToEnterAgain(form, definition, shown).map((field) => [
        field,
        say('fieldAgain', words),
      ]),
    );
  }

  /** Runs a change, and says how it is now if somebody else was faster. */
  async function unlessChanged<T>(
    call: Call,
    definition: ProviderDefinition,
    change: () => Promise<T>,
  ): Promise<T> {
    try {
      return await change();
    } catch (error) {
      if (isVaultError(error, 'ERR_CONFLICT')) {
        throw conflict(view(call, definition, await current(call, definition)));
      }
      if (isVaultError(error) && isUnreadable(error.code)) {
        const words = { label: definition.label };
        throw new Refusal(409, error.code, 'unreadable', { words });
      }
      throw error;
    }
  }

  function current(call: Call, definition: ProviderDefinition): Promise<ProviderStatus> {
    return vault.status(call.tenantId, definition, call.options) as Promise<ProviderStatus>;
  }

  function view(call: Call, definition: ProviderDefinition, status: ProviderStatus): ProviderView {
    return providerView(definition, status, webhooks(call, definition.name), env, say);
  }

  /** A save is done when they are asked for: they must not turn it into a failure. */
  function webhooks({ request, tenantId }: Call, provider: string): readonly WebhookView[] {
    try {
      const found = options.webhooks?.(tenantId, provider) ?? [];
      return found.map(({ label, url }) => ({ label: String(label), url: String(url) }));
    } catch (error) {
      report(error, request);
      return [];
    }
  }

  function report(error: unknown, request: Request): void {
    try {
      options.onError?.(error, request);
    } catch {
      // The user still gets an answer.
    }
  }

  function failure(error: unknown, request: Request): Response {
    if (error instanceof Refusal) return error.response(say);
    report(error, request);
    const refusal =
      isVaultError(error) && isUnavailable(error.code)
        ? new Refusal(503, error.code, 'unavailable', { headers: { 'retry-after': '10' } })
        : new Refusal(500, 'ERR_INTERNAL', 'internal');
    return refusal.response(say);
  }

  return async (request) => {
    const response = await handle(request).catch((error: unknown) => failure(error, request));
    if (request.method !== 'HEAD') return response;
    return new Response(null, { status: response.status, headers: response.headers });
  };
}

function methodsOf({ provider, test }: Route): readonly string[] {
  if (provider === undefined) return ['GET', 'HEAD', 'OPTIONS'];
  return test ? ['POST', 'OPTIONS'] : ['PATCH', 'DELETE', 'OPTIONS'];
}

function requirePermission({ may }: Call, what: keyof Permissions): void {
  if (!may[what]) throw new Refusal(403, 'ERR_FORBIDDEN', 'forbidden');
}

/** Refuses what was typed for another account than the one that the session belongs to now. */
function requireSameAccount({ request, tenantId }: Call): void {
  const account = request.headers.get(ACCOUNT_HEADER);
  if (account === null || account === accountOf(tenantId)) return;
  throw new Refusal(409, 'ERR_ACCOUNT_CHANGED', 'accountChanged');
}

function accountOf(tenantId: string): string {
  return createHash('sha256').update(tenantId).digest('base64url').slice(0, 22);
}

function limit(taken: TenantLimit, tenantId: string, key: keyof SettingsMessages): void {
  const seconds = taken.take(tenantId);
  if (seconds === undefined) return;
  throw new Refusal(429, 'ERR_TOO_MANY', key, { headers: { 'retry-after': String(seconds) } });
}

/** Runs a check whose only error is that a field's name is malformed. */
function checked<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw isVaultError(error, 'ERR_INVALID_ARGUMENT') ? badRequest() : error;
  }
}

function invalid(errors: Readonly<Record<string, string>>): Refusal {
  return new Refusal(422, 'ERR_INVALID_ARGUMENT', 'invalid', { more: { errors } });
}

function conflict(current: ProviderView): Refusal {
  const { label, updatedBy: actor } = current;
  const [key, words] =
    actor === undefined || current.etag === null
      ? (['conflict', { label }] as const)
      : (['conflictBy', { label, actor }] as const);
  return new Refusal(412, 'ERR_CONFLICT', key, { words, more: { current } });
}

function notFound(): Refusal {
  return new Refusal(404, 'ERR_NOT_FOUND', 'notFound');
}

function etagHeader(etag: string | null): Record<string, string> {
  return etag === null ? {} : { etag: `"${etag}"` };
}

function checkedBasePath(basePath: unknown): string {
  if (typeof basePath !== 'string' || !/^(\/[^?#]*)?$/.test(basePath)) {
    throw invalidArgument('basePath must be a path such as "/api/provider-settings".');
  }
  return basePath.replace(/\/$/, '');
}

function checkedProviders(
  providers: readonly ProviderDefinition[],
): ReadonlyMap<string, ProviderDefinition> {
  if (!Array.isArray(providers) || !providers.every(isDefinition)) {
    throw invalidArgument('providers must be definitions made by defineProvider.');
  }
  return new Map(providers.map((definition) => [definition.name, definition]));
}

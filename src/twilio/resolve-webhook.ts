import type { AuditEntry } from '../audit/audit-trail.ts';
import type { ClientOptions } from '../clients/credentials.ts';
import { isTooLarge, refused, type WebhookVerification } from '../clients/webhook-result.ts';
import { normalizeLookup } from '../core/lookup.ts';
import { assertOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { invalidArgument, isVaultError, recordErrorCodeOrThrow } from '../errors.ts';
import { twilioProvider } from '../providers/built-in.ts';
import { DEFAULT_TENANT, environmentOverride } from '../providers/environment.ts';
import { matches } from '../providers/fields.ts';
import { currentVersion } from '../record.ts';
import { tenantsWith } from '../vault/find-tenants.ts';
import { parsedForm, type SignedRequest, verifySignature } from './signed-request.ts';

const MAX_CANDIDATES = 10;
const { name: TWILIO, fields: FIELDS } = twilioProvider;

/**
 * Verifies a webhook of a tenant that is not known yet. What the request says only finds candidates;
 * the signature decides. An unauthenticated caller costs one query, or for a known account three
 * queries, one read, and ten records opened.
 *
 * @internal
 */
export async function resolveWebhook(
  core: VaultCore,
  options: SignedRequest & ClientOptions,
  entry: AuditEntry,
): Promise<WebhookVerification> {
  const { signature, url, params, rawBody } = options;
  assertOptions(options);
  const override = overrideOfDefault(options);
  if (isTooLarge({ body: rawBody, params, headers: [signature], url })) return refused('too_large');
  if (typeof signature !== 'string' || signature === '') return refused('missing_signature');
  const request = requestFields(options);
  if (request === undefined) return refused('too_large');
  const account = request('AccountSid')?.trim() ?? '';
  if (!matches(FIELDS.accountSid.pattern as RegExp, account)) return refused('unknown_tenant');

  const found = new Set(await tenantsWith(core, TWILIO, 'accountSid', account));
  // The environment decides for that tenant, whatever is stored.
  if (override !== undefined) found.delete(DEFAULT_TENANT);
  if (override !== undefined && hasAccount(override, account)) found.add(DEFAULT_TENANT);
  const tenantIds = await narrowed(core, [...found], request);
  if (tenantIds.length > MAX_CANDIDATES) return refused('ambiguous_tenant');

  let opened = 0;
  let refusal: WebhookVerification | undefined;
  const verified = new Map<string, WebhookVerification>();
  const genuine: { readonly tenantId: string; readonly result: WebhookVerification }[] = [];
  const refs = tenantIds.map((tenantId) => ({ tenantId, provider: TWILIO }));
  const records = await core.records.readMany(refs);
  for (const [at, tenantId] of tenantIds.entries()) {
    const isOverridden = override !== undefined && tenantId === DEFAULT_TENANT;
    const fields = isOverridden ? override : await openedFields(core, records[at]?.view);
    // The digests are not sealed: what was opened decides whose account it is.
    if (!fields?.authToken || !hasAccount(fields, account)) continue;
    opened++;
    const tokens = { primary: fields.authToken, secondary: fields.authTokenSecondary };
    // Tenants with one account have one token: a long body is hashed once for all of them.
    const key = `${tokens.primary}\n${tokens.secondary ?? ''}`;
    const result = verified.get(key) ?? verifySignature(tokens, options);
    verified.set(key, result);
    if (result.ok) genuine.push({ tenantId, result });
    else refusal = result;
  }
  const [first, ...others] = genuine;
  if (first === undefined) return opened > 0 && refusal ? refusal : refused('unknown_tenant');
  entry.fields = ['authToken'];
  if (others.length === 0) return { ...first.result, tenantId: first.tenantId };
  return { ok: true, reason: 'valid', tenantIds: genuine.map(({ tenantId }) => tenantId) };
}

/**
 * Of several tenants with one account, those that have the number; all of them where none has it.
 * The number is ours in `To` of what comes in, and in `From` of what went out.
 */
async function narrowed(
  core: VaultCore,
  tenantIds: string[],
  request: (name: string) => string | undefined,
): Promise<string[]> {
  if (tenantIds.length < 2) return tenantIds;
  const status = request('MessageStatus') ?? request('SmsStatus') ?? 'received';
  const direction = request('Direction') ?? (/^receiv/i.test(status) ? 'inbound' : 'outbound');
  const number = request(/^inbound/i.test(direction) ? 'To' : 'From')?.trim();
  if (!number) return tenantIds;
  const owners = await Promise.all(
    ['phoneNumber', 'whatsappNumber'].map((field) => tenantsWith(core, TWILIO, field, number)),
  );
  const having = tenantIds.filter((tenantId) => owners.flat().includes(tenantId));
  return having.length > 0 ? having : tenantIds;
}

/** The fields of a webhook, wherever Twilio puts them; `undefined` for a form that is too large. */
function requestFields({
  url,
  params,
  rawBody,
}: SignedRequest): ((name: string) => string | undefined) | undefined {
  const query = URL.canParse(url) ? new URL(url).searchParams : new URLSearchParams();
  const isJson = query.has('bodySHA256');
  const form = isJson ? jsonFields(rawBody) : (params ?? parsedForm(rawBody));
  if (form === undefined) return undefined;
  return (name) => {
    const value = typeof form === 'object' && Object.hasOwn(form, name) ? form[name] : undefined;
    const first: unknown = Array.isArray(value) ? value[0] : value;
    return typeof first === 'string' ? first : (query.get(name) ?? undefined);
  };
}

function jsonFields(rawBody: string | Uint8Array | undefined): Readonly<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(Buffer.from(rawBody ?? '').toString('utf8'));
    const { AccountSid, account_sid } = (fields ?? {}) as Record<string, unknown>;
    return { AccountSid: AccountSid ?? account_sid };
  } catch {
    return {};
  }
}

/** What the environment holds in the place of the tenant `default`; no fields where it is incomplete. */
function overrideOfDefault({ env, envOverride }: ClientOptions) {
  if (envOverride === 'all') {
    throw invalidArgument(
      'With `envOverride: "all"` an account belongs to no tenant: pass tenantId.',
    );
  }
  try {
    return environmentOverride(twilioProvider, DEFAULT_TENANT, env, envOverride);
  } catch (error) {
    if (isVaultError(error, 'ERR_ENV_INCOMPLETE')) return {}; // the other tenants' webhooks go on
    throw error;
  }
}

function hasAccount(fields: Readonly<Record<string, string>>, account: string): boolean {
  const { accountSid } = fields;
  return accountSid !== undefined && normalizeLookup(accountSid) === normalizeLookup(account);
}

async function openedFields(core: VaultCore, view: FoundView) {
  if (view === undefined) return undefined;
  try {
    return (await openVersion(core, view.ref, currentVersion(view))).fields;
  } catch (error) {
    recordErrorCodeOrThrow(error); // one that cannot be opened does not hide the others
    return undefined;
  }
}

type FoundView = Awaited<ReturnType<VaultCore['records']['readMany']>>[number]['view'];

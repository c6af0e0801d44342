import type { AuditEntry } from '../audit/audit-trail.ts';
import {
  assertComplete,
  assertObject,
  type ClientOptions,
  type CredentialsQuery,
  prepareQuery,
  storedFields,
} from '../clients/credentials.ts';
import { auditedWebhook } from '../clients/webhook-audit.ts';
import { isTooLarge, refused, type WebhookVerification } from '../clients/webhook-result.ts';
import { coreOf } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import { describeType } from '../names.ts';
import { twilioProvider } from '../providers/built-in.ts';
import { missingFields } from '../providers/define-provider.ts';
import { DEFAULT_TENANT } from '../providers/environment.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { verifySignature } from './signed-request.ts';

/**
 * Options of {@link verifyTwilioWebhook}.
 *
 * @public
 */
export interface TwilioWebhookOptions extends ClientOptions {
  /**
   * In the place of `tenantId`: finds the tenant by the account of the webhook. The result names a
   * tenant only once the signature matches that tenant's own auth token.
   */
  readonly resolve?: boolean;
  /** The header `X-Twilio-Signature`, unchanged. */
  readonly signature: unknown;
  /**
   * The URL that you gave to Twilio, with its query. Take it from your configuration: behind a proxy
   * the `Host` header differs, and a caller can choose it.
   */
  readonly url: string;
  /** The fields of a form, parsed; a repeated field is an array. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** The unparsed body, of a form or of JSON. */
  readonly rawBody?: string | Uint8Array;
}

/** Does the work of `verifyTwilioWebhook`. @internal */
export async function verifyWebhook(
  vault: SecretsVault,
  options: TwilioWebhookOptions,
): Promise<WebhookVerification> {
  assertObject(options);
  const { signature, url, params, rawBody } = options;
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url)) {
    throw invalidArgument('url must be the full URL of the webhook, with http(s)://.');
  }
  assertRawBody(rawBody);
  const core = coreOf(vault);
  const { resolve = false } = options;
  if (typeof resolve !== 'boolean' || (resolve && 'tenantId' in options)) {
    throw invalidArgument('Pass either tenantId or `resolve: true`.');
  }
  if (resolve) {
    return auditedWebhook(core, twilioProvider.name, ALL_TENANTS, options, async (entry) => {
      const { resolveWebhook } = await import('./resolve-webhook.ts');
      return resolveWebhook(core, options, entry);
    });
  }
  const { tenantId = 'tenantId' in options ? undefined : DEFAULT_TENANT } = options;
  return auditedWebhook(core, twilioProvider.name, tenantId, options, async (entry) => {
    const query = prepareQuery(core, twilioProvider, options);
    if (isTooLarge({ body: rawBody, params, headers: [signature], url })) {
      return refused('too_large');
    }
    return verifySignature(await authTokens(query, entry), options);
  });
}

/** In the audit trail: a webhook that is not known to be anybody's. */
const ALL_TENANTS = '*';

/** The tokens that may have signed: webhooks are signed with an auth token, whatever the client uses. */
async function authTokens(query: CredentialsQuery, entry: AuditEntry) {
  const needed = [['authToken']];
  const { override } = query;
  if (override !== undefined) entry.source = 'environment';
  const fields = override ?? (await storedFields(query, needed, entry)).fields;
  assertComplete(
    query,
    missingFields({ ...twilioProvider, complete: needed }, (field) => Boolean(fields[field])),
  );
  entry.fields = ['authToken'];
  return { primary: fields.authToken, secondary: fields.authTokenSecondary };
}

function assertRawBody(rawBody: unknown): void {
  if (rawBody === undefined || typeof rawBody === 'string' || rawBody instanceof Uint8Array) return;
  throw invalidArgument(`rawBody must be the unparsed body, not ${describeType(rawBody)}.`);
}

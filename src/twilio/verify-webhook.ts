import { createHash, timingSafeEqual } from 'node:crypto';
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
import {
  hasTooManyParameters,
  isTooLarge,
  refused,
  type WebhookVerification,
} from '../clients/webhook-result.ts';
import { coreOf } from '../core/vault-core.ts';
import { invalidArgument } from '../errors.ts';
import { describeType } from '../names.ts';
import { twilioProvider } from '../providers/built-in.ts';
import { missingFields } from '../providers/define-provider.ts';
import { DEFAULT_TENANT } from '../providers/environment.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { type FormParams, twilioSignatures } from './signature.ts';

/**
 * Options of {@link verifyTwilioWebhook}.
 *
 * @public
 */
export interface TwilioWebhookOptions extends ClientOptions {
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
  const { tenantId = 'tenantId' in options ? undefined : DEFAULT_TENANT } = options;
  return auditedWebhook(core, twilioProvider.name, tenantId, options, async (entry) => {
    const query = prepareQuery(core, twilioProvider, options);
    if (isTooLarge({ body: rawBody, params, headers: [signature], url })) {
      return refused('too_large');
    }
    return verify(await authTokens(query, entry), options);
  });
}

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

function verify(
  tokens: Readonly<Record<'primary' | 'secondary', string | undefined>>,
  { signature, url, params: parsed, rawBody }: TwilioWebhookOptions,
): WebhookVerification {
  if (typeof signature !== 'string' || signature === '') return refused('missing_signature');
  const bodyDigest = URL.canParse(url) ? new URL(url).searchParams.get('bodySHA256') : null;
  // Without the body, the signature of such a URL would say nothing about it.
  if (bodyDigest !== null && rawBody === undefined) return refused('missing_body');
  const form = bodyDigest === null ? (parsed ?? parsedForm(rawBody)) : {};
  if (form === undefined) return refused('too_large');
  const params = signedParams(form);
  if (params === undefined) return refused('signature_mismatch'); // Twilio signs no such form
  for (const matched of ['primary', 'secondary'] as const) {
    const token = tokens[matched];
    if (!token || !twilioSignatures(token, url, params).some((one) => isEqual(one, signature))) {
      continue;
    }
    if (bodyDigest !== null && !isEqual(sha256(rawBody ?? ''), bodyDigest)) {
      return refused('body_mismatch');
    }
    return { ok: true, reason: 'valid', matched };
  }
  return refused('signature_mismatch');
}

/** `undefined` for a form with values that Twilio does not send. */
function signedParams(params: unknown): FormParams | undefined {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) return undefined;
  const form: Record<string, string[]> = Object.create(null);
  for (const [name, value] of Object.entries(params)) {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    if (!values.every((one) => ['string', 'number', 'boolean'].includes(typeof one))) {
      return undefined;
    }
    form[name] = values.map(String);
  }
  return form;
}

/** The parameters of an unparsed form; `undefined` for too many of them. */
function parsedForm(body: string | Uint8Array | undefined): Record<string, string[]> | undefined {
  const text = typeof body === 'string' ? body : Buffer.from(body ?? []).toString('utf8');
  if (hasTooManyParameters(text)) return undefined;
  const form: Record<string, string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    form[name] ??= [];
    form[name].push(value);
  }
  return form;
}

function isEqual(expected: string, given: string): boolean {
  // Digests have one length, and the expected signature does not enter Node's shared buffer pool.
  return timingSafeEqual(sha256Bytes(expected), sha256Bytes(given));
}

function sha256Bytes(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function sha256(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

function assertRawBody(rawBody: unknown): void {
  if (rawBody === undefined || typeof rawBody === 'string' || rawBody instanceof Uint8Array) return;
  throw invalidArgument(`rawBody must be the unparsed body, not ${describeType(rawBody)}.`);
}

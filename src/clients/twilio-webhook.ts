import { createHash, timingSafeEqual } from 'node:crypto';
import { invalidArgument } from '../errors.ts';
import { twilioProvider } from '../providers/twilio.ts';
import { describeType } from '../record/ref.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { assertOptions, type ClientOptions, resolveCredentials } from './define-client-factory.ts';
import { type FormParams, twilioSignatures } from './twilio-signature.ts';
import { refused, type WebhookVerification } from './webhook-result.ts';

/**
 * Options of {@link verifyTwilioWebhook}.
 *
 * @public
 */
export interface TwilioWebhookOptions extends ClientOptions {
  /** The header `X-Twilio-Signature`, as it came. */
  readonly signature: unknown;
  /**
   * The URL that Twilio was told to call, with its query. Take it from your configuration: behind a
   * proxy, and in the hands of a caller, the `Host` header says something else.
   */
  readonly url: string;
  /** The fields of a form, parsed; a repeated field is an array. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** The body as it came, of a form or of JSON. */
  readonly rawBody?: string | Uint8Array;
}

/**
 * Whether a request to a webhook comes from Twilio, for this tenant: HMAC-SHA1 with the auth token
 * over the URL and the sorted fields, and SHA-256 of a JSON body. The secondary auth token is
 * accepted too, while one is promoted. What comes over HTTP is judged and never throws.
 *
 * @example
 * ```ts
 * const { ok } = await verifyTwilioWebhook(vault, {
 *   tenantId, signature: request.get('x-twilio-signature'), url: `${publicUrl}${request.originalUrl}`,
 *   params: request.body,
 * });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` when the tenant has no auth token; `ERR_INVALID_ARGUMENT`
 * @public
 */
export async function verifyTwilioWebhook(
  vault: SecretsVault,
  options: TwilioWebhookOptions,
): Promise<WebhookVerification> {
  assertOptions(options);
  const { signature, url, rawBody } = options;
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url)) {
    throw invalidArgument('url must be the full URL of the webhook, with http(s)://.');
  }
  const body = rawBody === undefined ? undefined : bytesOf(rawBody);
  // Whichever of the two sends: webhooks are signed with the auth token.
  const { fields } = await resolveCredentials(vault, twilioProvider, options, [['authToken']]);
  if (typeof signature !== 'string' || signature === '') return refused('missing_signature');

  const bodyDigest = URL.canParse(url) ? new URL(url).searchParams.get('bodySHA256') : null;
  // Without the body, the signature of such a URL would say nothing about it.
  if (bodyDigest !== null && body === undefined) return refused('missing_body');
  const params = bodyDigest === null ? formOf(options.params ?? parsedForm(body)) : {};
  if (params === undefined) return refused('signature_mismatch'); // Twilio signs no such form
  for (const [matched, token] of [
    ['primary', fields.authToken],
    ['secondary', fields.authTokenSecondary],
  ] as const) {
    if (!token || !twilioSignatures(token, url, params).some((one) => isEqual(one, signature))) {
      continue;
    }
    if (bodyDigest !== null && body !== undefined && !isEqual(digestOf(body), bodyDigest)) {
      return refused('body_mismatch');
    }
    return { ok: true, reason: 'valid', matched };
  }
  return refused('signature_mismatch');
}

/** `undefined` for a form with other values than texts. */
function formOf(params: unknown): FormParams | undefined {
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

function parsedForm(body: Buffer | undefined): Record<string, string[]> {
  const form: Record<string, string[]> = Object.create(null);
  const fields = new URLSearchParams(body?.toString('utf8'));
  for (const name of fields.keys()) form[name] = fields.getAll(name);
  return form;
}

function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function digestOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

function bytesOf(rawBody: string | Uint8Array): Buffer {
  if (typeof rawBody === 'string') return Buffer.from(rawBody, 'utf8');
  if (rawBody instanceof Uint8Array) return Buffer.from(rawBody);
  throw invalidArgument(`rawBody must be the body as it came, not ${describeType(rawBody)}.`);
}

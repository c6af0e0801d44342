import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { invalidArgument } from '../errors.ts';
import { defineProvider } from '../providers/define-provider.ts';
import { twilioProvider } from '../providers/twilio.ts';
import { describeType } from '../record/ref.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { type ClientOptions, resolveCredentials } from './define-client-factory.ts';
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

// Whichever of the two sends: webhooks are signed with the auth token.
const webhookCredentials = defineProvider({
  name: twilioProvider.name,
  fields: twilioProvider.fields,
  complete: [['accountSid', 'authToken']],
});

/**
 * Whether a request to a webhook comes from Twilio, for this tenant: HMAC-SHA1 with the auth token
 * over the URL and the sorted fields, and SHA-256 of a JSON body. The secondary auth token is
 * accepted too, while one is promoted.
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
  const { signature, url, params, rawBody } = options;
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url)) {
    throw invalidArgument('url must be the full URL of the webhook, with http(s)://.');
  }
  const { fields } = await resolveCredentials(vault, webhookCredentials, options);
  if (typeof signature !== 'string' || signature === '') return refused('missing_signature');

  const bodyDigest = new URL(url).searchParams.get('bodySHA256');
  if (bodyDigest !== null && !isDigestOf(bodyDigest, rawBody)) return refused('body_mismatch');
  const content = bodyDigest === null ? contentOf(params ?? formOf(rawBody)) : '';

  const given = Buffer.from(signature);
  for (const [matched, token] of [
    ['primary', fields.authToken],
    ['secondary', fields.authTokenSecondary],
  ] as const) {
    if (!token) continue;
    for (const variant of urlVariants(url)) {
      const expected = Buffer.from(
        createHmac('sha1', token)
          .update(variant + content, 'utf8')
          .digest('base64'),
      );
      if (given.length === expected.length && timingSafeEqual(given, expected)) {
        return { ok: true, reason: 'valid', matched };
      }
    }
  }
  return refused('signature_mismatch');
}

// Twilio signs with or without the standard port, whatever the URL says.
function urlVariants(url: string): string[] {
  const [, scheme = '', authority = '', rest = ''] =
    /^(https?:\/\/)([^/?#]*)(.*)$/is.exec(url) ?? [];
  const bare = authority.replace(/:\d+$/, '');
  const port = /^https/i.test(scheme) ? 443 : 80;
  return [...new Set([url, `${scheme}${bare}${rest}`, `${scheme}${bare}:${port}${rest}`])];
}

function contentOf(params: Readonly<Record<string, unknown>>): string {
  return Object.keys(params)
    .sort()
    .map((name) => fieldText(name, params[name]))
    .join('');
}

function fieldText(name: string, value: unknown): string {
  if (Array.isArray(value)) {
    const texts = [...new Set(value.map((one) => fieldText(name, one)))];
    return texts.sort().join('');
  }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
    throw invalidArgument(`params: field "${name}" must be text, not ${describeType(value)}.`);
  }
  return `${name}${value}`;
}

function formOf(rawBody: string | Uint8Array | undefined): Record<string, string[]> {
  const form: Record<string, string[]> = Object.create(null);
  if (rawBody === undefined) return form;
  for (const [name, value] of new URLSearchParams(bytesOf(rawBody).toString('utf8'))) {
    form[name] = [...(form[name] ?? []), value];
  }
  return form;
}

function isDigestOf(digest: string, rawBody: string | Uint8Array | undefined): boolean {
  if (rawBody === undefined) {
    throw invalidArgument(
      'rawBody is needed: the URL tells of a body that is no form (bodySHA256).',
    );
  }
  const actual = createHash('sha256').update(bytesOf(rawBody)).digest();
  const told = Buffer.from(digest, 'hex');
  return told.length === actual.length && timingSafeEqual(told, actual);
}

function bytesOf(rawBody: string | Uint8Array): Buffer {
  if (typeof rawBody === 'string') return Buffer.from(rawBody, 'utf8');
  if (rawBody instanceof Uint8Array) return Buffer.from(rawBody);
  throw invalidArgument(`rawBody must be the body as it came, not ${describeType(rawBody)}.`);
}

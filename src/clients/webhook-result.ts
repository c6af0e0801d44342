/**
 * Whether a webhook is genuine. Look at `ok`: the result itself is an object, which is always truthy.
 *
 * @public
 */
export interface WebhookVerification {
  /** Whether the message comes from the provider, for this tenant. */
  readonly ok: boolean;
  /** Why it is not; `valid` if it is. */
  readonly reason: WebhookReason;
  /** Which of Twilio's two auth tokens signed it. */
  readonly matched?: 'primary' | 'secondary';
  /** With `resolve`: the tenant it is for, where it is exactly one. */
  readonly tenantId?: string;
  /** With `resolve`: the tenants it may be for, where they have one account. Ask one thing more. */
  readonly tenantIds?: readonly string[];
}

/**
 * Why a webhook is genuine or not.
 *
 * - `missing_signature`: the header is absent or not a string
 * - `malformed_signature`: the header does not have the form of a signature
 * - `signature_mismatch`: another key, another URL, or an altered message
 * - `missing_body`: the signed URL has a `bodySHA256`, and `rawBody` was not given
 * - `body_mismatch`: the body does not match the `bodySHA256` of the signed URL
 * - `missing_timestamp`, `timestamp_out_of_range`: absent, too old or in the future; perhaps a replay
 * - `too_large`: a body over 1 MiB, a form of more than 1,000 parameters, or a URL or header that no
 *   provider sends; it was not looked at any further
 * - `unknown_tenant`: no tenant has that account, or none whose credentials can be opened
 * - `ambiguous_tenant`: more than 10 tenants have that account
 *
 * @public
 */
export type WebhookReason =
  | 'valid'
  | 'missing_signature'
  | 'malformed_signature'
  | 'signature_mismatch'
  | 'missing_body'
  | 'body_mismatch'
  | 'missing_timestamp'
  | 'timestamp_out_of_range'
  | 'too_large'
  | 'unknown_tenant'
  | 'ambiguous_tenant';

/** @internal */
export function refused(reason: WebhookReason): WebhookVerification {
  return { ok: false, reason };
}

// Far above what a provider sends. An unauthenticated caller must not make the process work for long.
const MAX_BODY_BYTES = 1024 * 1024;
const MAX_PARAMETERS = 1_000;
const MAX_HEADER_LENGTH = 1_000;
const MAX_URL_LENGTH = 16 * 1024;

/** Whether a webhook is too large to be looked at. @internal */
export function isTooLarge(webhook: {
  readonly body?: string | Uint8Array | undefined;
  /** A parsed form, of any type: it comes from HTTP. */
  readonly params?: unknown;
  readonly headers: readonly unknown[];
  readonly url?: string;
}): boolean {
  const { body = '', params, headers, url = '' } = webhook;
  const isLong = (header: unknown) =>
    typeof header === 'string' && header.length > MAX_HEADER_LENGTH;
  return (
    body.length > MAX_BODY_BYTES || // first: counting the bytes of a text takes time
    Buffer.byteLength(body) > MAX_BODY_BYTES ||
    url.length > MAX_URL_LENGTH ||
    headers.some(isLong) ||
    isFormTooLarge(params)
  );
}

/** Whether an unparsed form has more parameters than a provider sends. @internal */
export function hasTooManyParameters(form: string): boolean {
  let at = -1;
  for (let separators = 0; separators < MAX_PARAMETERS; separators++) {
    at = form.indexOf('&', at + 1);
    if (at === -1) return false;
  }
  return true;
}

function isFormTooLarge(params: unknown): boolean {
  if (typeof params !== 'object' || params === null) return false;
  let count = 0;
  let characters = 0;
  for (const [name, value] of Object.entries(params)) {
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    count += Math.max(1, values.length);
    if (count > MAX_PARAMETERS) return true;
    for (const one of values)
      characters += name.length + (typeof one === 'string' ? one.length : 0);
    if (characters > MAX_BODY_BYTES) return true;
  }
  return false;
}

import { createHash, timingSafeEqual } from 'node:crypto';
import {
  hasTooManyParameters,
  refused,
  type WebhookVerification,
} from '../clients/webhook-result.ts';
import { type FormParams, twilioSignatures } from './signature.ts';

/** A webhook's request, as it came from HTTP. @internal */
export interface SignedRequest {
  readonly signature: unknown;
  readonly url: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly rawBody?: string | Uint8Array;
}

/** The tokens that may have signed. @internal */
export type AuthTokens = Readonly<Record<'primary' | 'secondary', string | undefined>>;

/** Whether one of `tokens` has signed the request. @internal */
export function verifySignature(
  tokens: AuthTokens,
  { signature, url, params: parsed, rawBody }: SignedRequest,
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

/** The parameters of an unparsed form; `undefined` for too many of them. @internal */
export function parsedForm(
  body: string | Uint8Array | undefined,
): Record<string, string[]> | undefined {
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

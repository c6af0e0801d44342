import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  assertObject,
  type ClientOptions,
  prepareQuery,
  storedFields,
} from '../clients/credentials.ts';
import { auditedWebhook } from '../clients/webhook-audit.ts';
import { isTooLarge, refused, type WebhookVerification } from '../clients/webhook-result.ts';
import { coreOf } from '../core/vault-core.ts';
import { invalidArgument, VaultError } from '../errors.ts';
import { describeType } from '../names.ts';
import { sendgridProvider } from '../providers/built-in.ts';
import { DEFAULT_TENANT } from '../providers/environment.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';

/**
 * Options of {@link verifySendGridWebhook}.
 *
 * @public
 */
export interface SendGridWebhookOptions
  extends Pick<ClientOptions, 'tenantId' | 'actor' | 'reason'> {
  /** The header `X-Twilio-Email-Event-Webhook-Signature`, unchanged: base64 of a DER signature. */
  readonly signature: unknown;
  /** The header `X-Twilio-Email-Event-Webhook-Timestamp`, unchanged: seconds. */
  readonly timestamp: unknown;
  /** The unparsed body, byte for byte: JSON that was parsed and written again does not verify. */
  readonly rawBody: string | Uint8Array;
  /** How far the timestamp may be from now, in seconds, both ways. @defaultValue 300 */
  readonly toleranceSeconds?: number;
}

const DEFAULT_TOLERANCE = 300; // seconds

/** Does the work of `verifySendGridWebhook`. @internal */
export async function verifyWebhook(
  vault: SecretsVault,
  options: SendGridWebhookOptions,
): Promise<WebhookVerification> {
  assertObject(options);
  const { rawBody, toleranceSeconds = DEFAULT_TOLERANCE } = options;
  if (typeof rawBody !== 'string' && !(rawBody instanceof Uint8Array)) {
    throw invalidArgument(
      `rawBody must be the unparsed body, not ${describeType(rawBody)}: keep the bytes before parsing.`,
    );
  }
  if (!Number.isFinite(toleranceSeconds) || toleranceSeconds < 0) {
    throw invalidArgument('toleranceSeconds must be 0 or a positive number.');
  }
  const core = coreOf(vault);
  const { signature, timestamp } = options;
  const { tenantId = 'tenantId' in options ? undefined : DEFAULT_TENANT } = options;
  return auditedWebhook(core, sendgridProvider.name, tenantId, options, async (entry) => {
    // There is no environment variable for a public key.
    const query = prepareQuery(core, sendgridProvider, { ...options, envOverride: false });
    if (isTooLarge({ body: rawBody, headers: [signature, timestamp] })) return refused('too_large');
    const { fields } = await storedFields(query, [['webhookPublicKey']], entry);
    entry.fields = ['webhookPublicKey'];
    const key = parsePublicKey(fields.webhookPublicKey ?? '');
    return verifySigned(key, options, core.now().getTime() / 1000);
  });
}

function verifySigned(
  key: KeyObject,
  { signature, timestamp, rawBody, toleranceSeconds = DEFAULT_TOLERANCE }: SendGridWebhookOptions,
  now: number,
): WebhookVerification {
  if (typeof signature !== 'string' || signature === '') return refused('missing_signature');
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) {
    return refused('missing_timestamp');
  }
  const der = Buffer.from(signature, 'base64');
  if (der.length === 0 || der.toString('base64') !== signature) {
    return refused('malformed_signature');
  }
  const body = typeof rawBody === 'string' ? Buffer.from(rawBody) : rawBody;
  const signed = Buffer.concat([Buffer.from(timestamp), body]);
  if (!verify('sha256', signed, { key, dsaEncoding: 'der' }, der)) {
    return refused('signature_mismatch');
  }
  const isFresh = Math.abs(now - Number(timestamp)) <= toleranceSeconds;
  return isFresh ? { ok: true, reason: 'valid' } : refused('timestamp_out_of_range');
}

function parsePublicKey(base64: string): KeyObject {
  try {
    const key = createPublicKey({
      key: Buffer.from(base64, 'base64'),
      format: 'der',
      type: 'spki',
    });
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // reported below
  }
  throw new VaultError(
    'ERR_MALFORMED',
    'The field "webhookPublicKey" of provider "sendgrid" is not the base64 of a P-256 public key.',
  );
}

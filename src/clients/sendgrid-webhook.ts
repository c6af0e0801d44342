import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { invalidArgument, VaultError } from '../errors.ts';
import { sendgridProvider } from '../providers/sendgrid.ts';
import { describeType } from '../record/ref.ts';
import { coreOf } from '../vault/internals.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import { assertOptions, resolveCredentials } from './define-client-factory.ts';
import { refused, type WebhookVerification } from './webhook-result.ts';

/**
 * Options of {@link verifySendGridWebhook}.
 *
 * @public
 */
export interface SendGridWebhookOptions {
  /** Whose webhook. @defaultValue `"default"` */
  readonly tenantId?: string;
  /** The header `X-Twilio-Email-Event-Webhook-Signature`, as it came: base64 of a DER signature. */
  readonly signature: unknown;
  /** The header `X-Twilio-Email-Event-Webhook-Timestamp`, as it came: seconds. */
  readonly timestamp: unknown;
  /** The body as it came, byte for byte: JSON that was parsed and written again does not verify. */
  readonly rawBody: string | Uint8Array;
  /** How far the timestamp may be from now, in seconds, both ways. @defaultValue 300 */
  readonly toleranceSeconds?: number;
}

/**
 * Whether a request to the signed event webhook comes from SendGrid, for this tenant: ECDSA with
 * P-256 and SHA-256 over the timestamp and the raw body, by the field `webhookPublicKey` of the
 * credentials. The signature is checked before the timestamp is believed.
 *
 * @throws VaultError `ERR_NOT_CONFIGURED` when the tenant has no public key; `ERR_INVALID_ARGUMENT`
 * when the body was parsed already; `ERR_MALFORMED` when the stored public key is none
 * @public
 */
export async function verifySendGridWebhook(
  vault: SecretsVault,
  options: SendGridWebhookOptions,
): Promise<WebhookVerification> {
  assertOptions(options);
  const { tenantId, signature, timestamp, rawBody, toleranceSeconds = 300 } = options;
  if (typeof rawBody !== 'string' && !(rawBody instanceof Uint8Array)) {
    throw invalidArgument(
      `rawBody must be the body as it came, not ${describeType(rawBody)}: keep the bytes before parsing.`,
    );
  }
  if (!Number.isFinite(toleranceSeconds) || toleranceSeconds < 0) {
    throw invalidArgument('toleranceSeconds must be 0 or a positive number.');
  }
  const ofVault = {
    ...(tenantId !== undefined && { tenantId }),
    envOverride: false, // there is no variable for a public key
  } as const;
  const needed = [['webhookPublicKey']] as const;
  const { fields } = await resolveCredentials(vault, sendgridProvider, ofVault, needed);
  if (typeof signature !== 'string' || signature === '') return refused('missing_signature');
  if (typeof timestamp !== 'string' || !/^\d{1,12}$/.test(timestamp)) {
    return refused('missing_timestamp');
  }
  const der = Buffer.from(signature, 'base64');
  if (der.length === 0 || der.toString('base64') !== signature)
    return refused('malformed_signature');
  const signed = Buffer.concat([Buffer.from(timestamp), Buffer.from(rawBody)]);
  const key = publicKeyOf(fields.webhookPublicKey);
  if (!verify('sha256', signed, { key, dsaEncoding: 'der' }, der)) {
    return refused('signature_mismatch');
  }
  const age = coreOf(vault).now().getTime() / 1000 - Number(timestamp);
  if (Math.abs(age) > toleranceSeconds) return refused('timestamp_out_of_range');
  return { ok: true, reason: 'valid' };
}

function publicKeyOf(base64: string): KeyObject {
  try {
    const key = createPublicKey({
      key: Buffer.from(base64, 'base64'),
      format: 'der',
      type: 'spki',
    });
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // said below
  }
  throw new VaultError(
    'ERR_MALFORMED',
    'The field "webhookPublicKey" of provider "sendgrid" is not the base64 of a P-256 public key.',
  );
}

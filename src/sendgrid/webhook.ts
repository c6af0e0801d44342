import type { WebhookVerification } from '../clients/webhook-result.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { SendGridWebhookOptions } from './verify-webhook.ts';

/**
 * Whether a request to the signed event webhook comes from SendGrid, for this tenant: ECDSA with
 * P-256 and SHA-256 over the timestamp and the raw body, by the field `webhookPublicKey` of the
 * credentials. The signature is checked before the timestamp is trusted. A body over 1 MiB is refused
 * without a look at it. Each genuine webhook leaves an audit event, and refusals are summed up per
 * tenant and minute.
 *
 * @example
 * ```ts
 * const { ok } = await verifySendGridWebhook(vault, {
 *   tenantId,
 *   signature: request.get('x-twilio-email-event-webhook-signature'),
 *   timestamp: request.get('x-twilio-email-event-webhook-timestamp'),
 *   rawBody: request.body, // of express.raw()
 * });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` when the tenant has no public key; `ERR_INVALID_ARGUMENT`
 * when the body was parsed already; `ERR_MALFORMED` when the stored public key is malformed
 * @public
 */
export async function verifySendGridWebhook(
  vault: SecretsVault,
  options: SendGridWebhookOptions,
): Promise<WebhookVerification> {
  const { verifyWebhook } = await import('./verify-webhook.ts');
  return verifyWebhook(vault, options);
}

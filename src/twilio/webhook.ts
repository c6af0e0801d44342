import type { WebhookVerification } from '../clients/webhook-result.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { TwilioWebhookOptions } from './verify-webhook.ts';

/**
 * Whether a request to a webhook comes from Twilio, for this tenant: HMAC-SHA1 with the auth token
 * over the URL and the sorted fields, and SHA-256 of a JSON body. The secondary auth token is
 * accepted too, while one is promoted. Input from HTTP never throws. A body over 1 MiB or a form of more
 * than 1,000 parameters is refused without a look at it. Each genuine webhook leaves an audit event,
 * and refusals are summed up per tenant and minute.
 *
 * @example
 * ```ts
 * const { ok } = await verifyTwilioWebhook(vault, {
 *   tenantId,
 *   signature: request.get('x-twilio-signature'),
 *   url: `${config.publicUrl}${request.originalUrl}`, // not the Host header
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
  const { verifyWebhook } = await import('./verify-webhook.ts');
  return verifyWebhook(vault, options);
}

import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { VoiceTokenOptions } from './sign-voice-token.ts';

/**
 * A Twilio access token with a Voice grant, for the Voice SDK in a browser or a phone: a JWT signed
 * with HS256 by the tenant's API key. Twilio's package is not needed.
 *
 * The API key must be a standard or main one: Twilio refuses tokens of restricted keys (error 31204).
 *
 * @example
 * ```ts
 * const token = await createVoiceToken(vault, { tenantId, identity: user.id, ttlSeconds: 3600 });
 * ```
 * @throws VaultError `ERR_NOT_CONFIGURED` when there is no API key; `ERR_INVALID_ARGUMENT`; what
 * reading the vault throws
 * @public
 */
export async function createVoiceToken(
  vault: SecretsVault,
  options: VoiceTokenOptions,
): Promise<string> {
  const { signVoiceToken } = await import('./sign-voice-token.ts');
  return signVoiceToken(vault, options);
}

import { ProviderError, type ProviderFacts, VaultError } from '../errors.ts';
import { REDACTED } from '../providers/mask.ts';

// Shorter ones are no credentials, and would garble messages.
const MIN_SECRET_LENGTH = 8;
const AUTHORIZATION = /\b(Basic|Bearer)\s+[\w+/=.~-]{16,}/gi;

/**
 * A provider's answer that is an error, with what the provider says of it.
 *
 * @param secrets - are cut out of the text, should the provider repeat them
 * @internal
 */
export function answerError(
  provider: string,
  facts: ProviderFacts & { readonly text?: unknown },
  secrets: readonly (string | undefined)[],
): ProviderError {
  const { status, providerCode, text } = facts;
  const code = providerCode === undefined ? '' : ` (${providerCode})`;
  const said = typeof text === 'string' && text !== '' ? `: ${redact(text, secrets)}` : '';
  return new ProviderError(provider, `${provider} answered ${status}${code}${said}`, {
    status,
    providerCode,
  });
}

/**
 * A request that had no answer: refused, dropped, timed out.
 *
 * @internal
 */
export function networkError(provider: string, error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  const code = (error as { code?: unknown } | undefined)?.code;
  const providerCode = typeof code === 'string' ? code : 'unknown';
  return new ProviderError(provider, `${provider} could not be asked (${providerCode})`, {
    providerCode,
  });
}

function redact(text: string, secrets: readonly (string | undefined)[]): string {
  const clean = secrets
    .filter((secret) => secret !== undefined && secret.length >= MIN_SECRET_LENGTH)
    .reduce<string>((rest, secret) => rest.replaceAll(secret as string, REDACTED), text);
  return clean.replace(AUTHORIZATION, `$1 ${REDACTED}`);
}

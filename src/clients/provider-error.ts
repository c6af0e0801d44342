import { ProviderError, type ProviderFacts, VaultError } from '../errors.ts';
import { REDACTED } from '../providers/mask.ts';

// Shorter texts are not credentials, and would garble messages.
const MIN_SECRET_LENGTH = 8;
const AUTHORIZATION = /\b(Basic|Bearer)\s+[\w+/=.~-]{16,}/gi;

/**
 * The error for a provider's answer, with the provider's own words.
 *
 * @param secrets - cut out of the text, in case the provider repeats them
 * @internal
 */
export function answerError(
  provider: string,
  facts: ProviderFacts & { readonly text?: unknown },
  secrets: readonly (string | undefined)[],
): ProviderError {
  const { text, ...told } = facts;
  const { status, providerCode } = told;
  const code = providerCode === undefined ? '' : ` (${providerCode})`;
  const said = typeof text === 'string' && text !== '' ? `: ${redact(text, secrets)}` : '';
  return new ProviderError(provider, `${provider} answered ${status}${code}${said}`, told);
}

/**
 * The error for a request without an answer: refused, dropped, timed out.
 *
 * @internal
 */
export function networkError(provider: string, error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  const code = (error as { code?: unknown } | undefined)?.code;
  // Of a request that this library ended (withDeadline): the SDKs' own code for a timeout.
  const known = code === 'ERR_CANCELED' ? 'ECONNABORTED' : code;
  const providerCode = typeof known === 'string' ? known : 'unknown';
  return new ProviderError(provider, `${provider} did not answer (${providerCode})`, {
    providerCode,
  });
}

function redact(text: string, secrets: readonly (string | undefined)[]): string {
  const clean = secrets
    .filter((secret) => secret !== undefined && secret.length >= MIN_SECRET_LENGTH)
    .reduce<string>((rest, secret) => rest.replaceAll(secret as string, REDACTED), text);
  return clean.replace(AUTHORIZATION, `$1 ${REDACTED}`);
}

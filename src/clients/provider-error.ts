import { VaultError } from '../errors.ts';

/**
 * An error of a provider's API or SDK, as `ERR_PROVIDER`: its status and code, and nothing of the
 * request. The SDK's own error is not kept: it holds the request's headers, and so the credentials.
 *
 * @public
 */
export class ProviderError extends VaultError {
  /** `twilio`, `sendgrid`, … */
  readonly provider: string;
  /** The HTTP status of the answer; absent when there was none. */
  readonly status?: number;
  /** The provider's own code (Twilio: `20003`), or that of the network error (`ECONNRESET`). */
  readonly providerCode?: number | string;

  constructor(provider: string, message: string, facts: ProviderFacts) {
    super('ERR_PROVIDER', message);
    this.provider = provider;
    if (facts.status !== undefined) this.status = facts.status;
    if (facts.providerCode !== undefined) this.providerCode = facts.providerCode;
  }
}

/**
 * What is known of a provider's error.
 *
 * @public
 */
export interface ProviderFacts {
  /** The HTTP status. */
  readonly status?: number | undefined;
  /** The provider's own code, or that of the network error. */
  readonly providerCode?: number | string | undefined;
}

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
  return secrets.reduce<string>(
    (clean, secret) => (secret ? clean.replaceAll(secret, '[redacted]') : clean),
    text,
  );
}

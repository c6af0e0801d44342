/**
 * Every code a {@link VaultError} can carry. Codes are stable between majors, messages are not.
 *
 * @public
 */
export const VAULT_ERROR_CODES = [
  'ERR_KEY_MISSING',
  'ERR_KEY_INVALID',
  'ERR_KEY_UNKNOWN',
  'ERR_MALFORMED',
  'ERR_DECRYPTION_FAILED',
  'ERR_BINDING',
  'ERR_UNBOUND',
  'ERR_SECRET_NOT_FOUND',
  'ERR_NOT_CONFIGURED',
  'ERR_ENV_INCOMPLETE',
  'ERR_CONFLICT',
  'ERR_INVALID_ARGUMENT',
  'ERR_STORE_UNAVAILABLE',
  'ERR_STORE_FAILED',
  'ERR_PEER_MISSING',
  'ERR_PROVIDER',
] as const;

/**
 * One of {@link VAULT_ERROR_CODES}.
 *
 * @public
 */
export type VaultErrorCode = (typeof VAULT_ERROR_CODES)[number];

// Registered globally, so that the ESM and the CJS copy of this package recognise each other's errors.
const BRAND = Symbol.for('provider-vault.error');

/**
 * The only error this library throws by itself.
 *
 * `message`, `cause` and `stack` name tenants, providers, fields and key ids; they never hold a
 * value, a key or a ciphertext.
 *
 * @public
 */
export class VaultError extends Error {
  /** What went wrong, for `switch`. */
  readonly code: VaultErrorCode;

  constructor(code: VaultErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    // Not enumerable: printed errors show the code and nothing that only we use.
    Object.defineProperty(this, BRAND, { value: true });
  }
}

Object.defineProperty(VaultError.prototype, 'name', { value: 'VaultError', writable: true });

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
  declare readonly status?: number;
  /** The provider's own code (Twilio: `20003`), or that of the network error (`ECONNRESET`). */
  declare readonly providerCode?: number | string;

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

Object.defineProperty(ProviderError.prototype, 'name', {
  value: 'ProviderError',
  writable: true,
});

/**
 * Whether `error` is a {@link VaultError}, of `code` if one is given. Also true for an error of
 * another copy of this package (ESM beside CJS), for which `instanceof` fails.
 *
 * @public
 */
export function isVaultError(error: unknown, code: 'ERR_PROVIDER'): error is ProviderError;
/**
 * Whether `error` is a {@link VaultError}, of `code` if one is given.
 *
 * @public
 */
export function isVaultError(error: unknown, code?: VaultErrorCode): error is VaultError;
export function isVaultError(error: unknown, code?: VaultErrorCode): boolean {
  return (
    error instanceof Error &&
    (error as { [BRAND]?: unknown })[BRAND] === true &&
    (code === undefined || (error as VaultError).code === code)
  );
}

/**
 * The code of an error that is about one record. Any other is thrown on: a store that is down, or a
 * mistake of ours.
 *
 * @internal
 */
export function codeOf(error: unknown): VaultErrorCode {
  if (!isVaultError(error) || error.code.startsWith('ERR_STORE')) throw error;
  return error.code;
}

/**
 * The error for a caller's mistake, with one message form everywhere.
 *
 * @internal
 */
export function invalidArgument(message: string): VaultError {
  return new VaultError('ERR_INVALID_ARGUMENT', message);
}

/**
 * Every code a {@link VaultError} can carry. Codes are stable between majors, messages are not.
 *
 * @public
 */
export const VAULT_ERROR_CODES = [
  'ERR_KEY_MISSING',
  'ERR_KEY_INVALID',
  'ERR_KEY_UNKNOWN',
  'ERR_KEY_UNAVAILABLE',
  'ERR_KEY_ERASED',
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
  'ERR_ABORTED',
  'ERR_REFRESH_FAILED',
  'ERR_LEASE_TIMEOUT',
] as const;

/**
 * One of {@link VAULT_ERROR_CODES}.
 *
 * @public
 */
export type VaultErrorCode = (typeof VAULT_ERROR_CODES)[number];

// Registered globally, so that all copies of this package (ESM, CJS, bundled) recognise each other's
// errors, also by `instanceof`.
const BRAND = Symbol.for('provider-vault.error');

/**
 * The class of every error that this library throws.
 *
 * `message`, `cause` and `stack` name tenants, providers, fields and key ids; they never hold a
 * value, a key or a ciphertext.
 *
 * @public
 */
export class VaultError extends Error {
  /** The kind of error, for `switch`. */
  readonly code: VaultErrorCode;

  constructor(code: VaultErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    // Not enumerable, so that printed errors show only the code.
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for an error of any copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this and must differ
    return this === VaultError ? isBranded(value) : super[Symbol.hasInstance](value);
  }
}

function isBranded(value: unknown): value is VaultError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

Object.defineProperty(VaultError.prototype, 'name', { value: 'VaultError', writable: true });

/**
 * An error of a provider's API or SDK, as `ERR_PROVIDER`: its status and code, and nothing of the
 * request. The SDK's own error is dropped, because it holds the request's headers and with them the
 * credentials.
 *
 * @public
 */
export class ProviderError extends VaultError {
  declare readonly code: 'ERR_PROVIDER';
  /** `twilio`, `sendgrid`, … */
  readonly provider: string;
  /** The HTTP status of the answer; absent when there was none. */
  declare readonly status?: number;
  /** The provider's own code (Twilio: `20003`), or the network error's code (`ECONNRESET`). */
  declare readonly providerCode?: number | string;
  /** Milliseconds to wait before the next request, as an answer with `Retry-After` demands. */
  declare readonly retryAfterMs?: number;

  constructor(provider: string, message: string, facts: ProviderFacts) {
    super('ERR_PROVIDER', message);
    this.provider = provider;
    if (facts.status !== undefined) this.status = facts.status;
    if (facts.providerCode !== undefined) this.providerCode = facts.providerCode;
    if (facts.retryAfterMs !== undefined) this.retryAfterMs = facts.retryAfterMs;
  }

  /** True for an error of any copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass inherits this and must differ
    if (this !== ProviderError) return super[Symbol.hasInstance](value);
    return isBranded(value) && value.code === 'ERR_PROVIDER';
  }
}

/**
 * A {@link VaultError} whose `code` tells its class: `case 'ERR_PROVIDER'` narrows to
 * {@link ProviderError}.
 *
 * @public
 */
export type AnyVaultError =
  | ProviderError
  | (VaultError & { readonly code: Exclude<VaultErrorCode, 'ERR_PROVIDER'> });

/**
 * The facts of a provider's error.
 *
 * @public
 */
export interface ProviderFacts {
  /** The HTTP status. */
  readonly status?: number | undefined;
  /** The provider's own code, or the network error's. */
  readonly providerCode?: number | string | undefined;
  /** Milliseconds to wait, of `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
}

Object.defineProperty(ProviderError.prototype, 'name', {
  value: 'ProviderError',
  writable: true,
});

/**
 * Whether `error` is a {@link VaultError}, of `code` if one is given, of any copy of this package.
 *
 * @public
 */
export function isVaultError(error: unknown, code: 'ERR_PROVIDER'): error is ProviderError;
/**
 * Whether `error` is a {@link VaultError}, of `code` if one is given.
 *
 * @public
 */
export function isVaultError(error: unknown, code?: VaultErrorCode): error is AnyVaultError;
export function isVaultError(error: unknown, code?: VaultErrorCode): boolean {
  return isBranded(error) && (code === undefined || error.code === code);
}

/**
 * The code of an error that concerns one record. Rethrows any other error: the store or the key
 * service is down, or this library has a defect.
 *
 * @internal
 */
export function recordErrorCodeOrThrow(error: unknown): VaultErrorCode {
  if (!isVaultError(error) || /^ERR_(STORE_|KEY_UNAVAILABLE$)/.test(error.code)) throw error;
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

/**
 * A code or an error's name that came from outside, if it may be shown: a word without digits. No key,
 * token or ciphertext is one.
 *
 * @internal
 */
export function publicCode(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z_]{2,40}$/.test(value) ? value : undefined;
}

/**
 * What may be shown of an error whose message may quote anything: its code or its name.
 *
 * @internal
 */
export function publicNameOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  return publicCode(code) ?? publicCode(name) ?? 'unknown error';
}

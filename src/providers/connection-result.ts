import type { VaultErrorCode } from '../errors.ts';

/**
 * What a test of a connection found.
 *
 * @public
 */
export interface ConnectionResult {
  /** Whether the provider accepts the credentials. */
  readonly ok: boolean;
  /** Why it does not. */
  readonly code?: ConnectionProblem;
  /** A sentence for the settings page. It holds no credential. */
  readonly detail?: string;
}

/**
 * Why a connection does not work: the provider's answer, or the code of the `VaultError` that
 * prevented the request (`ERR_NOT_CONFIGURED`, `ERR_ENV_INCOMPLETE`, `ERR_DECRYPTION_FAILED`, …).
 *
 * @public
 */
export type ConnectionProblem =
  | 'wrong_credentials'
  | 'not_allowed'
  | 'suspended'
  | 'unverified_sender'
  | 'rate_limited'
  | 'unreachable'
  | 'timeout'
  | 'provider_error'
  | VaultErrorCode;

/**
 * What the `test` of a definition is given.
 *
 * @public
 */
export interface TestContext<F extends string = string> {
  /** A complete set of fields, in the clear. */
  readonly fields: { readonly [K in F]?: string };
  /** Is aborted when the time is over. */
  readonly signal: AbortSignal;
  /** In the place of the provider's own address: a proxy, or a stand-in in tests. */
  readonly baseUrl?: string;
  /**
   * Whether a field with `destination` may lead to a private, link-local or loopback address. A test
   * must refuse those otherwise: whoever fills in a form could look around in your network.
   */
  readonly allowPrivateAddresses: boolean;
}

/** What an HTTP status says of the credentials that were sent. @internal */
export function problemOfStatus(status: number): ConnectionProblem {
  if (status === 401) return 'wrong_credentials';
  if (status === 403) return 'not_allowed';
  return status === 429 ? 'rate_limited' : 'provider_error';
}

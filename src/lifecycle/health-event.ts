import type { SecretRef } from '../record.ts';

/**
 * Whether stored credentials work, as far as is known from calls, tests and renewals.
 *
 * - `ok`: the last test or renewal succeeded.
 * - `failing`: the provider refuses them, or they have expired and cannot be renewed at the moment.
 * - `expiring`: they still work, but their renewal fails.
 * - `needs_reauthorization`: the provider refuses to renew them. Somebody must connect the account again.
 *
 * @public
 */
export type HealthState = 'ok' | 'failing' | 'expiring' | 'needs_reauthorization';

/**
 * What is known of stored credentials; a write of them makes it unknown again.
 *
 * @public
 */
export interface CredentialHealth {
  readonly state: HealthState;
  /** Since when it is that state. */
  readonly since: Date;
  /** When that was last seen. Calls that keep on failing are noted once a minute at most. */
  readonly checkedAt: Date;
  /** Why it is not `ok`: a `ConnectionProblem`, `invalid_grant` or `refresh_failed`. */
  readonly code?: string;
}

/**
 * What is published on {@link HEALTH_CHANNEL}.
 *
 * @public
 */
export interface HealthEvent extends CredentialHealth, SecretRef {
  /** What was known before of the same credentials, or of those they replace. */
  readonly previous?: HealthState;
}

/**
 * The `node:diagnostics_channel` on which a {@link HealthEvent} is published when the health of
 * credentials changes: once for each change, in the process that noticed it.
 *
 * @public
 */
export const HEALTH_CHANNEL = 'provider-vault:health';

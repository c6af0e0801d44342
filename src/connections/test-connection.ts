import { traced } from '../core/tracing.ts';
import { coreOf } from '../core/vault-core.ts';
import type { ConnectionResult } from '../providers/connection-result.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { CheckHealthOptions, HealthReport } from './check-health.ts';
import type { TestConnectionOptions } from './run-test.ts';

/**
 * Whether a tenant's credentials work, by one cheap authenticated call of the official SDK, or by the
 * `test` of the provider's definition. It sends nothing to anybody.
 *
 * A problem with the credentials, the record or the provider is returned, never thrown. What a test of
 * stored credentials shows is remembered as their `health`.
 *
 * @example
 * ```ts
 * const { ok, code } = await testConnection(vault, { tenantId: 'acme', provider: 'twilio' });
 * if (!ok) response.json({ code }); // "wrong_credentials", say
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT` for a provider that cannot be tested, or a malformed form;
 * `ERR_PEER_MISSING`
 * @public
 */
export async function testConnection(
  vault: SecretsVault,
  options: TestConnectionOptions,
): Promise<ConnectionResult> {
  const { runConnectionTest } = await import('./run-test.ts');
  return runConnectionTest(vault, options);
}

/**
 * Tests all stored credentials that can be tested, at an even and slow pace, and remembers the result
 * as their `health`: `status` shows it, and a change of it is published on {@link HEALTH_CHANNEL}. It
 * sends nothing to anybody.
 *
 * It can be stopped or killed at any point and run again.
 *
 * @example
 * ```ts
 * const { tested, ok } = await checkHealth(vault, { maxPerSecond: 5 }); // once a day
 * log.info({ tested, ok });
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError with the code of what ended it: the errors
 * of the store and of the keys, `ERR_ABORTED`, `ERR_PEER_MISSING`
 * @public
 */
export async function checkHealth(
  vault: SecretsVault,
  options: CheckHealthOptions = {},
): Promise<HealthReport> {
  const { owner } = coreOf(vault);
  const { checkRecords } = await import('./check-health.ts');
  return traced('checkHealth', owner, () => checkRecords(vault, options));
}

import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { ConnectionResult, TestConnectionOptions } from './run-test.ts';

/**
 * Whether a tenant's credentials work, by one cheap authenticated call of the official SDK.
 *
 * A problem with the credentials, the record or the provider is returned, never thrown.
 *
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

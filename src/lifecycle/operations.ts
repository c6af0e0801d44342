import { traced } from '../core/tracing.ts';
import { coreOf } from '../core/vault-core.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { RefreshDueOptions, RefreshReport } from './refresh-due.ts';

// Each operation is loaded when it is called.

/**
 * Renews all credentials that are due, of the providers of the vault whose definition has `refresh`:
 * for a timer, so that no caller waits for a renewal, and a grant that nobody uses does not lapse.
 *
 * Any number of processes may run it at once: each credential is renewed by one of them. It can be
 * stopped or killed at any point and run again.
 *
 * @example
 * ```ts
 * setInterval(() => refreshDue(vault, { withinMs: 20 * 60_000 }), 10 * 60_000);
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError with the code of what ended it: the errors
 * of the store and of the keys, `ERR_ABORTED`
 * @public
 */
export async function refreshDue(
  vault: SecretsVault,
  options: RefreshDueOptions = {},
): Promise<RefreshReport> {
  const core = coreOf(vault);
  const { refreshRecords } = await import('./refresh-due.ts');
  return traced('refreshDue', core.owner, () => refreshRecords(core, options));
}

import { coreOf } from '../core/vault-core.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { LongOperationOptions } from './long-operation.ts';
import type { RotationReport } from './rotate-keys.ts';
import type { VerificationReport } from './verify-vault.ts';

// Each operation is loaded when it is called: an application that only reads and writes secrets
// does not pay for them.

/**
 * Seals every record anew that is not under the current encryption key, or not bound to its tenant
 * [R4], with its history.
 *
 * The third of the four steps of a rotation [K2]: (1) give all processes the new key as a decryption
 * key, (2) make it the encryption key, (3) rotate, (4) drop the old one when `verifyVault` says so.
 *
 * Each write is a compare-and-set: a record that somebody else writes meanwhile is read again, and
 * sealed anew if it is still due. It can be stopped or killed at any point and run again.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError with the code of what ended it: the errors
 * of the store and of the keys, `ERR_ABORTED`
 * @public
 */
export async function rotateKeys(
  vault: SecretsVault,
  options: LongOperationOptions = {},
): Promise<RotationReport> {
  const core = coreOf(vault);
  const { rotateRecords } = await import('./rotate-keys.ts');
  return rotateRecords(core, options);
}

/**
 * Opens every record, and its history, and reports what it found; writes nothing.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError with the code of what ended it: the errors
 * of the store and of the keys, `ERR_ABORTED`
 * @public
 */
export async function verifyVault(
  vault: SecretsVault,
  options: Omit<LongOperationOptions, 'dryRun'> = {},
): Promise<VerificationReport> {
  const core = coreOf(vault);
  const { verifyRecords } = await import('./verify-vault.ts');
  return verifyRecords(core, options);
}

/**
 * Rejects keys that are not those of a vault: keys that open none of its first 50 records. Call it
 * before a script or a person writes to a vault, so that nothing is sealed with the wrong key. An
 * empty vault accepts any key.
 *
 * @throws VaultError `ERR_KEY_UNKNOWN` or `ERR_DECRYPTION_FAILED` when the keys are wrong; the errors
 * of the store and of the key service
 * @public
 */
export async function verifyKeys(vault: SecretsVault): Promise<void> {
  const core = coreOf(vault);
  const { refuseForeignKeys } = await import('./key-check.ts');
  await refuseForeignKeys(core);
}

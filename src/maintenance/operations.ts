import { coreOf } from '../core/vault-core.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { EraseTenantOptions, ErasureReport } from './erase-tenant.ts';
import type { LongOperationOptions } from './long-operation.ts';
import type { RenewalReport, RenewKeysOptions } from './renew-keys.ts';
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

/**
 * Gives every tenant a fresh data key, and then seals every record anew: after a leak of the KMS key,
 * when whoever has it could unwrap the keys of a stolen key store. Replace the KMS key first: make the
 * new one `wrapper`, and the old one one of the `previousWrappers`, in all processes.
 *
 * Other processes seal with the old keys for up to `ttlMs` more: run `rotateKeys` once more after
 * that. It can be stopped or killed at any point and run again.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` also for a vault that does not seal with tenant keys;
 * OperationError as {@link rotateKeys}
 * @public
 */
export async function renewKeys(
  vault: SecretsVault,
  options: RenewKeysOptions = {},
): Promise<RenewalReport> {
  const core = coreOf(vault);
  const { renewAll } = await import('./renew-keys.ts');
  return renewAll(core, options);
}

/**
 * Erases a tenant: first it sets a permanent tombstone in the key store, so that no key of the tenant
 * is handed out any more; then it removes every record of the tenant, with its history, and those of
 * this library itself; then the wrapped keys. After that, what backups of the records hold cannot be
 * opened: it is `ERR_KEY_ERASED`, and so are writes, until `keys.renew(tenantId)`.
 *
 * It can be killed at any point and run again. Another process may seal and store something for up to
 * `ttlMs` after the tombstone; it cannot open it later. Run it again after that time: it removes what
 * came in between. Run it again, too, after the key store was restored from a backup.
 *
 * The old settings, and what a `Keyring` sealed in backups of the records, are not erased: see
 * `plaintextRemaining`, and the guide about tenant keys.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT` also for a vault without `TenantKeys`; `ERR_CONFLICT` while
 * others keep on writing; `ERR_KEY_UNAVAILABLE`, `ERR_ABORTED`, and the errors of the store
 * @public
 */
export async function eraseTenant(
  vault: SecretsVault,
  tenantId: string,
  options: EraseTenantOptions = {},
): Promise<ErasureReport> {
  const core = coreOf(vault);
  const { eraseAll } = await import('./erase-tenant.ts');
  return eraseAll(core, tenantId, options);
}

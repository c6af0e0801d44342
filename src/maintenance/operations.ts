import { traceFacts } from '../core/audited.ts';
import { traced } from '../core/tracing.ts';
import { coreOf } from '../core/vault-core.ts';
import type { SecretStore } from '../stores/secret-store.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { CopyOptions, CopyReport } from './copy-records.ts';
import type { EraseTenantOptions, ErasureReport } from './erase-tenant.ts';
import type { LongOperationOptions } from './long-operation.ts';
import type { ReindexReport } from './reindex-lookup.ts';
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
 * @example
 * ```ts
 * const { remaining, failed } = await rotateKeys(vault, { maxPerSecond: 500 });
 * if (remaining > 0) log.warn({ remaining, failed });
 * ```
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
  return traced('rotateKeys', core.owner, () => rotateRecords(core, options));
}

/**
 * Opens every record, and its history, and reports what it found; writes nothing.
 *
 * @example
 * ```ts
 * const { problems, droppableKeys, safeToRefuseUnbound } = await verifyVault(vault);
 * log.info({ problems, droppableKeys, safeToRefuseUnbound });
 * ```
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
  return traced('verifyVault', core.owner, () => verifyRecords(core, options));
}

/**
 * Writes the digests by which `findTenants` finds records, where they are missing or out of date: after
 * an upgrade, after a field got `lookup: true`, and after a change of `lookupKey`. Each such record is
 * sealed anew, as a compare-and-set. Digests of another `lookupKey` go: run it once all processes have
 * the new one. It can be stopped or killed at any point and run again.
 *
 * @example
 * ```ts
 * const { lookupMissing } = await verifyVault(vault);
 * if (lookupMissing > 0) await reindexLookup(vault);
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT`, `ERR_KEY_MISSING` without a key for lookups; OperationError
 * with the code of what ended it: the errors of the store and of the keys, `ERR_ABORTED`
 * @public
 */
export async function reindexLookup(
  vault: SecretsVault,
  options: LongOperationOptions = {},
): Promise<ReindexReport> {
  const core = coreOf(vault);
  const { reindexRecords } = await import('./reindex-lookup.ts');
  return traced('reindexLookup', core.owner, () => reindexRecords(core, options));
}

/**
 * Rejects keys that are not those of a vault: keys that open none of its first 50 records. Call it
 * before a script or a person writes to a vault, so that nothing is sealed with the wrong key. An
 * empty vault accepts any key.
 *
 * @example
 * ```ts
 * await verifyKeys(vault);
 * await vault.put('acme', 'twilio', { accountSid, authToken }, { actor: 'import script' });
 * ```
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
 * @example
 * ```ts
 * await renewKeys(vault, { before: new Date('2026-03-01T12:00:00Z') });
 * ```
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
  return traced('renewKeys', core.owner, () => renewAll(core, options));
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
 * @example
 * ```ts
 * const { providers, plaintextRemaining } = await eraseTenant(vault, 'acme', { actor: 'ann' });
 * log.info({ providers, plaintextRemaining });
 * ```
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
  const erase = () => eraseAll(core, tenantId, options);
  return traced('eraseTenant', core.owner, erase, () => traceFacts(tenantId));
}

/**
 * Copies the records of one store into another, while a vault uses the source: sealed, as they are, so
 * that no key is needed. Leases are left out [R8].
 *
 * Of two versions the newer one stays: a record at the target is replaced only by a newer one, in a
 * compare-and-set. A first pass copies, a second one takes what has changed meanwhile, and a third one
 * goes through the target and compares it with the source, where it also finds what was deleted. Run
 * it again as often as you like, and for the last time when nobody writes to the source any more:
 * then `complete` in the report says that the target has everything.
 *
 * @example
 * ```ts
 * const { complete } = await copyRecords(store, new FileSecretStore('./secrets.json'));
 * ```
 * @param from - the source, which is only read
 * @param to - the target, ready for use: call its `init` before
 * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError with the code of what ended it: the errors
 * of the stores, `ERR_ABORTED`
 * @public
 */
export async function copyRecords(
  from: SecretStore,
  to: SecretStore,
  options: CopyOptions = {},
): Promise<CopyReport> {
  const { copyStore } = await import('./copy-records.ts');
  return copyStore(from, to, options);
}

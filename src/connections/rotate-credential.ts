import { traced } from '../core/tracing.ts';
import { coreOf } from '../core/vault-core.ts';
import type { SecretsVault } from '../vault/secrets-vault.ts';
import type { RotateDueOptions, RotateDueReport } from './rotate-due.ts';
import type { RotateOptions, RotateResult } from './run-rotation.ts';

/**
 * Replaces a tenant's credential at the provider: a Twilio API key, the Twilio auth token where there
 * is no API key, a SendGrid API key, or what `rotate` of your own definition replaces.
 *
 * It makes the new credential, proves that it works, stores it, waits for `graceMs`, revokes the old
 * one and proves that it is dead. It can be killed at any point: run it again, and it goes on where it
 * was. Nothing is locked out, and nothing that it made is left behind at the provider.
 *
 * @example
 * ```ts
 * await rotateCredential(vault, { tenantId: 'acme', provider: 'twilio', actor: user.id });
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT` for a provider that has no rotation; `ERR_NOT_CONFIGURED`
 * where these credentials cannot be replaced; `ERR_CONFLICT` when somebody stored others meanwhile;
 * `ERR_LEASE_TIMEOUT` while another process is at it; `ERR_PROVIDER`; the errors of store and keys
 * @public
 */
export async function rotateCredential(
  vault: SecretsVault,
  options: RotateOptions,
): Promise<RotateResult> {
  const core = coreOf(vault);
  const { runRotation } = await import('./run-rotation.ts');
  return runRotation(core, options);
}

/**
 * {@link rotateCredential} for all credentials that are old, and for those whose rotation was
 * interrupted: for a timer. The credentials of a batch are replaced at the same time.
 *
 * @example
 * ```ts
 * const { failed } = await rotateDue(vault, { olderThanMs: 90 * 24 * 3_600_000 });
 * if (failed.length > 0) log.warn({ failed });
 * ```
 * @throws VaultError `ERR_INVALID_ARGUMENT`; OperationError with the code of what ended it
 * @public
 */
export async function rotateDue(
  vault: SecretsVault,
  options: RotateDueOptions,
): Promise<RotateDueReport> {
  const core = coreOf(vault);
  const { rotateDueRecords } = await import('./rotate-due.ts');
  return traced('rotateDue', core.owner, () => rotateDueRecords(core, options));
}

import type { ChangesOf, ProviderRef } from '../providers/fields.ts';
import type { SecretInfo } from '../record/record.ts';
import { BundleVault } from './bundle-vault.ts';
import type { AllCredentials } from './credentials.ts';
import {
  deleteSecret,
  getAllSecrets,
  getSecret,
  setSecret,
  setSecrets,
} from './flat-operations.ts';
import { coreOf } from './internals.ts';
import type { ReadOptions, WriteOptions } from './operation-options.ts';
import { applyForm } from './patch.ts';
import { type ProviderStatus, type StatusOptions, statusOfAll, statusOfOne } from './status.ts';
import { TenantVault } from './tenant-vault.ts';

/**
 * Credentials per tenant and provider, sealed.
 *
 * @example
 * ```ts
 * const vault = new SecretsVault({
 *   store: new MongoSecretStore(client.db('crm')),
 *   keys: Keyring.fromEnv(),
 * });
 * await vault.put('acme', 'twilio', { accountSid, authToken });
 * const { authToken } = await vault.require('acme', 'twilio');
 * ```
 * @public
 */
export class SecretsVault extends BundleVault {
  /**
   * What a settings page may show of a tenant's credentials: states, names and masks. A record that
   * cannot be opened is `unreadable`, and hides no other. One round trip, never from the cache.
   *
   * @returns of one provider; or, if none is given, of all that are defined, and others of which the
   * tenant has a record
   * @throws VaultError `ERR_INVALID_ARGUMENT` and the store's errors, never because of a record
   */
  status(
    tenantId: string,
    provider?: undefined,
    options?: StatusOptions,
  ): Promise<ProviderStatus[]>;
  status(tenantId: string, provider: ProviderRef, options?: StatusOptions): Promise<ProviderStatus>;
  async status(
    tenantId: string,
    provider?: ProviderRef,
    options: StatusOptions = {},
  ): Promise<ProviderStatus | ProviderStatus[]> {
    const core = coreOf(this);
    if (provider === undefined) return statusOfAll(core, tenantId, options);
    return statusOfOne(core, tenantId, provider, options);
  }

  /**
   * Saves a settings page: a text sets, `null` removes, and what is absent, empty, or what the page
   * was shown (a mask too) stays. Texts are trimmed. A save of another that comes in between is
   * merged; with `expectedRev`, the `rev` of the status shown, it is a conflict instead.
   *
   * @returns the status after it
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a field that the provider does not have, a value
   * not of its form, or a mask that was typed into; as {@link BundleVault.patch}
   */
  async applyForm<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    form: ChangesOf<P>,
    options: WriteOptions & StatusOptions = {},
  ): Promise<ProviderStatus> {
    return applyForm(coreOf(this), tenantId, provider, form, options);
  }

  /**
   * The value of a flat key [L6]: `twilio_auth_token`, or `twilio.region` for any field, or a key of
   * your own, which is a field of the provider `custom`.
   *
   * @returns `undefined` when it is not set
   * @throws VaultError as {@link BundleVault.get}
   */
  async getSecret(
    tenantId: string,
    key: string,
    options: ReadOptions = {},
  ): Promise<string | undefined> {
    return getSecret(coreOf(this), tenantId, key, options);
  }

  /**
   * All that a tenant has, by flat key, in one round trip; redacted as `Credentials` are. Every key
   * of it is one for {@link SecretsVault.getSecret}.
   *
   * @throws VaultError as {@link BundleVault.get}, when one of the records cannot be opened
   */
  async getAllSecrets(tenantId: string, options: ReadOptions = {}): Promise<AllCredentials> {
    return getAllSecrets(coreOf(this), tenantId, options);
  }

  /**
   * Sets the value of a flat key, in its provider's record; `null` removes it.
   *
   * @throws VaultError as {@link BundleVault.patch}
   */
  async setSecret(
    tenantId: string,
    key: string,
    value: string | null,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    return setSecret(coreOf(this), tenantId, key, value, options);
  }

  /**
   * Sets the values of many flat keys. All are checked before the first is written. Those of one
   * provider are written together; those of several are not.
   *
   * @returns what is known of each record written
   * @throws VaultError as {@link BundleVault.patch}
   */
  async setSecrets(
    tenantId: string,
    secrets: Readonly<Record<string, string | null>>,
    options: Omit<WriteOptions, 'expectedRev'> = {},
  ): Promise<SecretInfo[]> {
    return setSecrets(coreOf(this), tenantId, secrets, options);
  }

  /**
   * Removes the value of a flat key.
   *
   * @returns whether there was one
   * @throws VaultError as {@link BundleVault.patch}
   */
  async deleteSecret(tenantId: string, key: string, options: WriteOptions = {}): Promise<boolean> {
    return deleteSecret(coreOf(this), tenantId, key, options);
  }

  /**
   * A handle bound to one tenant, for code that must not reach another's credentials by mistake.
   *
   * @throws VaultError `ERR_INVALID_ARGUMENT` when `tenantId` is no name
   */
  tenant(tenantId: string): TenantVault {
    return new TenantVault(this, tenantId);
  }

  /**
   * Drops what the cache holds: of one record, of a tenant, or all. To be called when somebody else
   * has changed the store, and it cannot tell of changes.
   */
  invalidate(tenantId?: string, provider?: ProviderRef): void {
    const core = coreOf(this);
    const name = provider === undefined ? undefined : core.registry.resolve(provider).name;
    core.records.invalidate(tenantId, name);
  }

  /**
   * Ends the cache and stops listening to the store's changes. The vault goes on without a cache.
   * The store, the keys and the audit sink, which it was given, stay open.
   */
  async close(): Promise<void> {
    await coreOf(this).records.close();
  }
}

import type { ChangesOf, FieldsOf, ProviderRef } from '../providers/fields.ts';
import { assertTenantId } from '../record/ref.ts';
import type { ReadOptions, WriteOptions } from './operation-options.ts';
import type { SecretsVault } from './secrets-vault.ts';
import type { ProviderStatus, StatusOptions } from './status.ts';

/**
 * A vault of one tenant: the methods of `SecretsVault` without their first argument.
 *
 * @public
 */
export class TenantVault {
  readonly tenantId: string;
  readonly #vault: SecretsVault;

  /** @internal */
  constructor(vault: SecretsVault, tenantId: string) {
    assertTenantId(tenantId);
    this.#vault = vault;
    this.tenantId = tenantId;
    Object.freeze(this);
  }

  /** As `SecretsVault.put`. */
  put<const P extends ProviderRef>(provider: P, fields: FieldsOf<P>, options?: WriteOptions) {
    return this.#vault.put(this.tenantId, provider, fields, options);
  }

  /** As `SecretsVault.patch`. */
  patch<const P extends ProviderRef>(provider: P, changes: ChangesOf<P>, options?: WriteOptions) {
    return this.#vault.patch(this.tenantId, provider, changes, options);
  }

  /** As `SecretsVault.get`. */
  get<const P extends ProviderRef>(provider: P, options?: ReadOptions) {
    return this.#vault.get(this.tenantId, provider, options);
  }

  /** As `SecretsVault.require`. */
  require<const P extends ProviderRef>(provider: P, options?: ReadOptions) {
    return this.#vault.require(this.tenantId, provider, options);
  }

  /** As `SecretsVault.getMany`, by provider. */
  getMany(providers: readonly ProviderRef[], options?: ReadOptions) {
    const refs = providers.map((provider) => ({ tenantId: this.tenantId, provider }));
    return this.#vault.getMany(refs, options);
  }

  /** As `SecretsVault.delete`. */
  delete(provider: ProviderRef, options?: WriteOptions) {
    return this.#vault.delete(this.tenantId, provider, options);
  }

  /** As `SecretsVault.list`. */
  list(options?: ReadOptions) {
    return this.#vault.list(this.tenantId, options);
  }

  /** As `SecretsVault.history`. */
  history(provider: ProviderRef, options?: ReadOptions) {
    return this.#vault.history(this.tenantId, provider, options);
  }

  /** As `SecretsVault.rollback`. */
  rollback(provider: ProviderRef, rev: number, options?: WriteOptions) {
    return this.#vault.rollback(this.tenantId, provider, rev, options);
  }

  /** As `SecretsVault.status`. */
  status(provider?: undefined, options?: StatusOptions): Promise<ProviderStatus[]>;
  status(provider: ProviderRef, options?: StatusOptions): Promise<ProviderStatus>;
  status(
    provider?: ProviderRef,
    options?: StatusOptions,
  ): Promise<ProviderStatus | ProviderStatus[]> {
    return this.#vault.status(this.tenantId, provider as ProviderRef, options);
  }

  /** As `SecretsVault.applyForm`. */
  applyForm<const P extends ProviderRef>(
    provider: P,
    form: ChangesOf<P>,
    options?: WriteOptions & StatusOptions,
  ) {
    return this.#vault.applyForm(this.tenantId, provider, form, options);
  }

  /** As `SecretsVault.getSecret`. */
  getSecret(key: string, options?: ReadOptions) {
    return this.#vault.getSecret(this.tenantId, key, options);
  }

  /** As `SecretsVault.getAllSecrets`. */
  getAllSecrets(options?: ReadOptions) {
    return this.#vault.getAllSecrets(this.tenantId, options);
  }

  /** As `SecretsVault.setSecret`. */
  setSecret(key: string, value: string | null, options?: WriteOptions) {
    return this.#vault.setSecret(this.tenantId, key, value, options);
  }

  /** As `SecretsVault.setSecrets`. */
  setSecrets(
    secrets: Readonly<Record<string, string | null>>,
    options?: Omit<WriteOptions, 'expectedRev'>,
  ) {
    return this.#vault.setSecrets(this.tenantId, secrets, options);
  }

  /** As `SecretsVault.deleteSecret`. */
  deleteSecret(key: string, options?: WriteOptions) {
    return this.#vault.deleteSecret(this.tenantId, key, options);
  }

  /** As `SecretsVault.invalidate`. */
  invalidate(provider?: ProviderRef) {
    this.#vault.invalidate(this.tenantId, provider);
  }
}

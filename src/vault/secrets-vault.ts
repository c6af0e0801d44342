import { VaultError } from '../errors.ts';
import {
  applyChanges,
  type ChangesOf,
  checkFields,
  emptyFields,
  type FieldsOf,
  type ProviderRef,
} from '../providers/fields.ts';
import type { ResolvedProvider } from '../providers/registry.ts';
import { infoOf, type SecretInfo, type SecretRecord } from '../record/record.ts';
import { assertTenantId, type SecretRef } from '../record/ref.ts';
import { type Credentials, redactedCredentials } from './credentials.ts';
import { attachCore } from './internals.ts';
import { describe } from './sealer.ts';
import type { VaultCore, WriteOptions } from './vault-core.ts';
import { createCore, type SecretsVaultOptions } from './vault-options.ts';
import { assertWriteOptions } from './write-options.ts';

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
export class SecretsVault {
  readonly #core: VaultCore;

  /**
   * @throws VaultError `ERR_INVALID_ARGUMENT` when an option is missing or not of its type
   */
  constructor(options: SecretsVaultOptions) {
    this.#core = createCore(options);
    attachCore(this, this.#core);
  }

  /**
   * Replaces the credentials of a tenant at a provider.
   *
   * One round trip with `expectedRev` where the store can, else two.
   *
   * @returns what is known of the new record
   * @throws VaultError `ERR_INVALID_ARGUMENT` when a name or a value is refused; `ERR_CONFLICT` when
   * the record is not at `expectedRev`; the errors of the store and of the keys
   */
  async put<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    fields: FieldsOf<P>,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    const { ref, definition } = this.#resolve(tenantId, provider);
    assertWriteOptions(options);
    const checked = checkFields(fields, ref.provider, definition);
    return this.#audited('put', ref, options, Object.keys(checked), () =>
      this.#core.replace(ref, options, checked),
    );
  }

  /**
   * Changes some fields: a string sets, `null` removes, all others stay. A write of another that
   * comes in between is merged, not lost.
   *
   * @returns what is known of the new record
   * @throws VaultError as {@link SecretsVault.put}, and as {@link SecretsVault.get} when the record
   * that is there cannot be opened
   */
  async patch<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    changes: ChangesOf<P>,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    const { ref, definition } = this.#resolve(tenantId, provider);
    assertWriteOptions(options);
    applyChanges(emptyFields(), changes, ref.provider, definition); // refuse before the store is asked
    return this.#audited('patch', ref, options, Object.keys(changes), () =>
      this.#core.write(ref, options, async (stored) => {
        const current = stored && (await this.#core.sealer.openRecord(stored));
        return applyChanges(current?.fields ?? emptyFields(), changes, ref.provider, definition);
      }),
    );
  }

  /**
   * The credentials of a tenant at a provider.
   *
   * @returns `undefined` when there are none
   * @throws VaultError `ERR_MALFORMED`, `ERR_DECRYPTION_FAILED`, `ERR_KEY_UNKNOWN`, `ERR_BINDING` or
   * `ERR_UNBOUND` when the record cannot be opened; `ERR_INVALID_ARGUMENT`; the store's errors
   */
  async get<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
  ): Promise<Credentials<P> | undefined> {
    const { ref } = this.#resolve(tenantId, provider);
    return this.#audited('get', ref, {}, [], async () => {
      const record = await this.#core.store.get(ref);
      return record && this.#open<P>(ref, record);
    });
  }

  /**
   * {@link SecretsVault.get}, for credentials that must be there.
   *
   * @throws VaultError `ERR_SECRET_NOT_FOUND` when they are not
   */
  async require<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
  ): Promise<Credentials<P>> {
    const credentials = await this.get(tenantId, provider);
    if (credentials !== undefined) return credentials;
    const { name } = this.#core.registry.resolve(provider);
    throw new VaultError(
      'ERR_SECRET_NOT_FOUND',
      `Tenant "${tenantId}" has no credentials for provider "${name}".`,
    );
  }

  /**
   * {@link SecretsVault.get} for many records in one round trip.
   *
   * @returns the credentials in the order of `refs`, `undefined` where there are none
   */
  async getMany(refs: readonly SecretRef[]): Promise<(Credentials | undefined)[]> {
    const wanted = refs.map(({ tenantId, provider }) => this.#resolve(tenantId, provider).ref);
    const records = await this.#core.store.getMany(wanted);
    const byAddress = new Map(records.map((record) => [addressOf(record), record]));
    return Promise.all(
      wanted.map((ref) =>
        this.#audited('get', ref, {}, [], async () => {
          const record = byAddress.get(addressOf(ref));
          return record && this.#open<string>(ref, record);
        }),
      ),
    );
  }

  /**
   * Removes the credentials of a tenant at a provider, with their history.
   *
   * @returns whether there were any
   * @throws VaultError `ERR_CONFLICT` when the record is not at `expectedRev`
   */
  async delete(
    tenantId: string,
    provider: ProviderRef,
    options: WriteOptions = {},
  ): Promise<boolean> {
    const { ref } = this.#resolve(tenantId, provider);
    assertWriteOptions(options);
    const { expectedRev } = options;
    return this.#audited('delete', ref, options, [], async () => {
      const deleted = await this.#core.store.delete(ref, expectedRev);
      if (!deleted && expectedRev !== undefined) {
        throw new VaultError('ERR_CONFLICT', `${describe(ref)} is not at revision ${expectedRev}.`);
      }
      return deleted;
    });
  }

  /** What a tenant has, by provider; nothing is opened. */
  async list(tenantId: string): Promise<SecretInfo[]> {
    assertTenantId(tenantId);
    return (await this.#core.store.list(tenantId)).map(infoOf);
  }

  async #open<P extends ProviderRef>(
    ref: SecretRef,
    record: SecretRecord,
  ): Promise<Credentials<P>> {
    const { fields } = await this.#core.sealer.openRecord({ ...record, ...ref });
    return redactedCredentials<P>(fields, infoOf(record));
  }

  #resolve(
    tenantId: unknown,
    provider: ProviderRef,
  ): { ref: SecretRef; definition: ResolvedProvider['definition'] } {
    assertTenantId(tenantId);
    const { name, definition } = this.#core.registry.resolve(provider);
    return { ref: { tenantId, provider: name }, definition };
  }

  #audited<T>(
    action: 'get' | 'put' | 'patch' | 'delete',
    ref: SecretRef,
    { actor, reason }: WriteOptions,
    fields: readonly string[],
    operate: () => Promise<T>,
  ): Promise<T> {
    return this.#core.trail.run({ action, ...ref, fields, actor, reason }, operate);
  }
}

function addressOf({ tenantId, provider }: SecretRef): string {
  return `${tenantId}\n${provider}`; // no name holds a newline
}

import { VaultError } from '../errors.ts';
import {
  type ChangesOf,
  checkFields,
  type FieldsOf,
  type ProviderRef,
} from '../providers/fields.ts';
import type { SecretInfo } from '../record/record.ts';
import type { SecretRef } from '../record/ref.ts';
import type { Credentials } from './credentials.ts';
import { historyOf, rollback, type SecretVersion } from './history.ts';
import { attachCore } from './internals.ts';
import { check, listTenant, operate, subjectOf, targetOf, toCredentials } from './operation.ts';
import { assertOptions, type ReadOptions, type WriteOptions } from './operation-options.ts';
import { patchRecord } from './patch.ts';
import { describe } from './sealer.ts';
import type { VaultCore } from './vault-core.ts';
import { createCore, type SecretsVaultOptions } from './vault-options.ts';

/**
 * The part of `SecretsVault` that reads and writes whole bundles of credentials, one record each.
 *
 * @public
 */
export abstract class BundleVault {
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
    return operate(this.#core, 'put', tenantId, provider, options, async (target, entry) => {
      const checked = checkFields(fields, target.ref.provider, target.definition);
      entry.fields = Object.keys(checked);
      return this.#core.replace(target.ref, options, checked, entry);
    });
  }

  /**
   * Changes some fields: a string sets, `null` removes, all others stay. A write of another that
   * comes in between is merged, not lost.
   *
   * @returns what is known of the new record
   * @throws VaultError as {@link BundleVault.put}, and as {@link BundleVault.get} when the record
   * that is there cannot be opened
   */
  async patch<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    changes: ChangesOf<P>,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    return patchRecord(this.#core, tenantId, provider, changes, options);
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
    options: ReadOptions = {},
  ): Promise<Credentials<P> | undefined> {
    return operate(this.#core, 'get', tenantId, provider, options, async ({ ref }, entry) => {
      const record = await this.#core.records.read(ref, entry);
      return record && toCredentials<P>(this.#core, ref, record, entry);
    });
  }

  /**
   * {@link BundleVault.get}, for credentials that must be there.
   *
   * @throws VaultError `ERR_SECRET_NOT_FOUND` when they are not
   */
  async require<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    options: ReadOptions = {},
  ): Promise<Credentials<P>> {
    return operate(this.#core, 'get', tenantId, provider, options, async ({ ref }, entry) => {
      const record = await this.#core.records.read(ref, entry);
      if (record !== undefined) return toCredentials<P>(this.#core, ref, record, entry);
      throw new VaultError('ERR_SECRET_NOT_FOUND', `${describe(ref)} does not exist.`);
    });
  }

  /**
   * {@link BundleVault.get} for many records in one round trip.
   *
   * @returns the credentials in the order of `refs`, `undefined` where there are none
   */
  async getMany(
    refs: readonly (SecretRef | { tenantId: string; provider: ProviderRef })[],
    options: ReadOptions = {},
  ): Promise<(Credentials | undefined)[]> {
    const core = this.#core;
    const subjects = refs.map((ref) => subjectOf('get', ref?.tenantId, ref?.provider, options));
    const wanted: SecretRef[] = [];
    for (const [at, subject] of subjects.entries()) {
      await check(core, subject, () => {
        assertOptions(options);
        wanted.push(targetOf(core, refs[at]?.tenantId, refs[at]?.provider as ProviderRef).ref);
      });
    }
    const details = wanted.map(() => ({}));
    const reading = core.records.readMany(wanted, details);
    return Promise.all(
      wanted.map((ref, at) =>
        core.trail.run(subjects[at] as (typeof subjects)[0], async (entry) => {
          const record = (await reading)[at];
          Object.assign(entry, details[at]);
          return record && toCredentials<string>(core, ref, record, entry);
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
    return operate(this.#core, 'delete', tenantId, provider, options, ({ ref }, entry) =>
      this.#core.remove(ref, options, entry),
    );
  }

  /** What a tenant has, by provider; nothing is opened. */
  async list(tenantId: string, options: ReadOptions = {}): Promise<SecretInfo[]> {
    return listTenant(this.#core, tenantId, options);
  }

  /**
   * The earlier versions that a record keeps, newest first, without the current one. Nothing is
   * opened.
   */
  async history(
    tenantId: string,
    provider: ProviderRef,
    options: ReadOptions = {},
  ): Promise<SecretVersion[]> {
    return historyOf(this.#core, tenantId, provider, options);
  }

  /**
   * Writes the content of an earlier version as a new one; what it replaces stays in the history.
   *
   * @param rev - one of {@link BundleVault.history}
   * @throws VaultError `ERR_SECRET_NOT_FOUND` when that revision is not kept; as
   * {@link BundleVault.get} when it cannot be opened; `ERR_CONFLICT`
   */
  async rollback(
    tenantId: string,
    provider: ProviderRef,
    rev: number,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    return rollback(this.#core, tenantId, provider, rev, options);
  }
}

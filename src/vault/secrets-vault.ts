import { type AuditEntry, type AuditSubject, outcomeOf } from '../audit/audit-trail.ts';
import {
  audited,
  auditSubject,
  locate,
  noteSources,
  openAudited,
  recordRefusal,
  tenantRecords,
  traceFacts,
  untilAborted,
} from '../core/audited.ts';
import type { FoundRecord } from '../core/cached-records.ts';
import { assertOptions, type ReadOptions, type WriteOptions } from '../core/options.ts';
import type { OpenedVersion } from '../core/seal.ts';
import { type TraceContext, traced } from '../core/tracing.ts';
import { attachCore, type VaultCore } from '../core/vault-core.ts';
import { removeRecord, writeRecord } from '../core/write.ts';
import { invalidArgument, VaultError } from '../errors.ts';
import { assertTenantId, healthRef } from '../names.ts';
import {
  type ChangesOf,
  checkFields,
  type FieldNameOf,
  type FieldsOf,
  type ProviderRef,
} from '../providers/fields.ts';
import {
  type RecordView,
  recordInfo,
  recordLabel,
  type SecretInfo,
  type SecretRef,
} from '../record.ts';
import { type AllCredentials, type Credentials, redactedCredentials } from './credentials.ts';
import { formProblems } from './form.ts';
import type { SecretVersion } from './history.ts';
import { createCore, type SecretsVaultOptions } from './options.ts';
import type { ProviderStatus, StatusOptions } from './status.ts';

/**
 * One result of `getMany`: the credentials; the error if the record could not be opened; neither if
 * nothing is stored.
 *
 * @public
 */
export interface ManyResult {
  readonly credentials?: Credentials;
  readonly error?: unknown;
}

async function readCredentials<P extends ProviderRef>(
  core: VaultCore,
  ref: SecretRef,
  entry: AuditEntry,
): Promise<Credentials<P> | undefined> {
  const { view, source } = await core.records.read(ref);
  entry.source = source;
  return view && redactedCredentials<P>((await openAudited(core, view, entry)).fields, view);
}

/** {@link readCredentials} of one of many: an error of its own, so that it does not hide the others. */
function readResult(
  core: VaultCore,
  { view, source }: FoundRecord,
  entry: AuditEntry,
): ManyResult | Promise<ManyResult> {
  entry.source = source;
  if (view === undefined) return {};
  const opened = ({ fields }: OpenedVersion) => ({
    credentials: redactedCredentials(fields, view),
  });
  const failed = (error: unknown) => {
    Object.assign(entry, outcomeOf(error));
    return { error };
  };
  try {
    const opening = openAudited(core, view, entry);
    return 'then' in opening ? opening.then(opened).catch(failed) : opened(opening);
  } catch (error) {
    return failed(error);
  }
}

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
 * const { authToken: token } = await vault.require('acme', 'twilio');
 * ```
 * @public
 */
export class SecretsVault {
  readonly #core: VaultCore;

  /**
   * @throws VaultError `ERR_INVALID_ARGUMENT` when an option is missing or has another type
   */
  constructor(options: SecretsVaultOptions) {
    this.#core = createCore(options);
    attachCore(this, this.#core);
  }

  /**
   * Replaces the credentials of a tenant at a provider. Two round trips to the store; one with
   * `ifMatch: null`.
   *
   * @example
   * ```ts
   * await vault.put('acme', 'twilio', { accountSid, authToken }, { actor: user.id });
   * ```
   * @returns the facts of the new record
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a malformed name or value; `ERR_CONFLICT` when
   * the record does not match `ifMatch`; the errors of the store and of the keys
   */
  async put<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    fields: FieldsOf<P>,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    const core = this.#core;
    return audited(core, 'put', tenantId, provider, options, async ({ ref, definition }, entry) => {
      const checked = checkFields(fields, ref.provider, definition);
      entry.fields = Object.keys(checked);
      const content = { fields: checked, definition };
      const written = await writeRecord(core, ref, options, entry, () => content);
      return recordInfo(written as RecordView);
    });
  }

  /**
   * Changes some fields: a string sets, `null` removes, all others stay. It merges with a write that
   * somebody else makes at the same time. Changes that change nothing write nothing.
   *
   * @example
   * ```ts
   * await vault.patch('acme', 'twilio', { phoneNumber: '+14155550100', apiKey: null });
   * ```
   * @returns the facts of the record after the call; with nothing to write and nothing stored, `rev`
   * is 0
   * @throws VaultError as {@link SecretsVault.put}, and as {@link SecretsVault.get} when the stored
   * record cannot be opened
   */
  async patch<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    changes: ChangesOf<P>,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    const { patchRecord } = await import('./changes.ts');
    return patchRecord(this.#core, tenantId, provider, changes, options);
  }

  /**
   * The credentials of a tenant at a provider.
   *
   * @example
   * ```ts
   * const credentials = await vault.get('acme', 'twilio');
   * credentials?.authToken; // in the clear; printing the object shows no value
   * ```
   * @returns `undefined` when there are none
   * @throws VaultError `ERR_MALFORMED`, `ERR_DECRYPTION_FAILED`, `ERR_KEY_UNKNOWN`, `ERR_BINDING` or
   * `ERR_UNBOUND` when the record cannot be opened; `ERR_INVALID_ARGUMENT`; the store's errors
   */
  get<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    options: ReadOptions = {},
  ): Promise<Credentials<P> | undefined> {
    const core = this.#core;
    return audited(core, 'get', tenantId, provider, options, ({ ref }, entry) =>
      readCredentials<P>(core, ref, entry),
    );
  }

  /**
   * {@link SecretsVault.get}, for credentials that must be there.
   *
   * @example
   * ```ts
   * const { accountSid: sid, meta } = await vault.require('acme', 'twilio');
   * meta.rev; // facts of the record
   * ```
   * @throws VaultError `ERR_SECRET_NOT_FOUND` when they are not
   */
  async require<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    options: ReadOptions = {},
  ): Promise<Credentials<P>> {
    const core = this.#core;
    return audited(core, 'get', tenantId, provider, options, async ({ ref }, entry) => {
      const credentials = await readCredentials<P>(core, ref, entry);
      if (credentials !== undefined) return credentials;
      throw new VaultError('ERR_SECRET_NOT_FOUND', `${recordLabel(ref)} does not exist.`);
    });
  }

  /**
   * {@link SecretsVault.require}, for a provider whose definition has `refresh`: when the credentials
   * are due, they are renewed first, by one call in one process. While the old ones are valid, all
   * other callers get those at once. A renewal stays out of the history.
   *
   * @example
   * ```ts
   * const { accessToken } = await vault.fresh('acme', google); // valid for some minutes
   * ```
   * @throws VaultError `ERR_REFRESH_FAILED` when the provider does not renew them, and they have expired
   * or it refuses for good (`status` says `needs_reauthorization`, and nothing is deleted);
   * `ERR_LEASE_TIMEOUT` when another process is at it for too long
   */
  async fresh<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    options: ReadOptions = {},
  ): Promise<Credentials<P>> {
    const { freshCredentials } = await import('../lifecycle/refresh.ts');
    const credentials = await freshCredentials(this.#core, tenantId, provider, options);
    return credentials as Credentials<P>;
  }

  /**
   * {@link SecretsVault.get} for many records in one round trip. A record that cannot be opened does
   * not hide the others: its place holds the error.
   *
   * @example
   * ```ts
   * const [twilio, sendgrid] = await vault.getMany([
   *   { tenantId: 'acme', provider: 'twilio' },
   *   { tenantId: 'acme', provider: 'sendgrid' },
   * ]);
   * if (twilio?.error === undefined) twilio?.credentials?.reveal();
   * ```
   * @returns one result for each of `refs`, in their order
   */
  async getMany(
    refs: readonly (SecretRef | { tenantId: string; provider: ProviderRef })[],
    options: ReadOptions = {},
  ): Promise<ManyResult[]> {
    const { owner } = this.#core;
    return traced('getMany', owner, (context) => this.#getMany(refs, options, context));
  }

  async #getMany(
    refs: readonly (SecretRef | { tenantId: string; provider: ProviderRef })[],
    options: ReadOptions,
    context: TraceContext | undefined,
  ): Promise<ManyResult[]> {
    const core = this.#core;
    if (!Array.isArray(refs)) throw invalidArgument('getMany needs an array.');
    const wanted: SecretRef[] = [];
    for (const at of refs.keys()) {
      const { tenantId, provider } = (refs[at] ?? {}) as (typeof refs)[number];
      try {
        assertOptions(options);
        wanted.push(locate(core, tenantId, provider).ref);
      } catch (error) {
        await recordRefusal(core, 'get', tenantId, provider, options, error);
        throw error;
      }
    }
    const subjects = wanted.map((ref) => auditSubject('get', ref, options));
    let found: FoundRecord[];
    try {
      found = await untilAborted(options.signal, () => core.records.readMany(wanted));
    } catch (error) {
      await Promise.all(subjects.map((subject) => core.trail.failed(subject, error)));
      throw error;
    }
    noteSources(core, context, found);
    return Promise.all(
      found.map((record, at) =>
        core.trail.run(subjects[at] as AuditSubject, (entry) => readResult(core, record, entry)),
      ),
    );
  }

  /**
   * Removes the credentials of a tenant at a provider, with their history.
   *
   * @example
   * ```ts
   * const { etag } = await vault.status('acme', 'twilio');
   * await vault.delete('acme', 'twilio', { actor: user.id, ifMatch: etag });
   * ```
   * @returns whether there were any
   * @throws VaultError `ERR_CONFLICT` when the record does not match `ifMatch`
   */
  async delete(
    tenantId: string,
    provider: ProviderRef,
    options: WriteOptions = {},
  ): Promise<boolean> {
    const core = this.#core;
    return audited(core, 'delete', tenantId, provider, options, async ({ ref }, entry) => {
      const removed = await removeRecord(core, ref, options, entry);
      if (!removed) Object.assign(entry, { outcome: 'refused', code: 'ERR_SECRET_NOT_FOUND' });
      // What stays is of no use: it names the etag of what was removed.
      else await core.store.delete(healthRef(ref)).catch(() => {});
      return removed;
    });
  }

  /**
   * The records of a tenant, by provider; nothing is opened.
   *
   * @example
   * ```ts
   * for (const { provider, rev, updatedAt } of await vault.list('acme')) {
   *   log.info({ provider, rev, updatedAt });
   * }
   * ```
   */
  async list(tenantId: string, options: ReadOptions = {}): Promise<SecretInfo[]> {
    const core = this.#core;
    const read = async () => {
      const views = await tenantRecords(core, 'list', tenantId, options);
      if (views.length > 0) {
        const subject = auditSubject('list', { tenantId, provider: '*' }, options);
        await core.trail.record({ ...subject, outcome: 'ok' });
      }
      return views.map(recordInfo);
    };
    return traced('list', core.owner, read, () => traceFacts(tenantId));
  }

  /**
   * The earlier versions that a record keeps, newest first, without the current one. Nothing is
   * opened.
   *
   * @example
   * ```ts
   * const [latest] = await vault.history('acme', 'twilio');
   * if (latest) await vault.rollback('acme', 'twilio', latest.rev, { actor: user.id });
   * ```
   */
  async history(
    tenantId: string,
    provider: ProviderRef,
    options: ReadOptions = {},
  ): Promise<SecretVersion[]> {
    const { listVersions } = await import('./history.ts');
    return listVersions(this.#core, tenantId, provider, options);
  }

  /**
   * Writes the content of an earlier version as a new one; the replaced version stays in the
   * history.
   *
   * @example
   * ```ts
   * await vault.rollback('acme', 'twilio', 4, { actor: user.id });
   * ```
   * @param rev - one of {@link SecretsVault.history}
   * @throws VaultError `ERR_SECRET_NOT_FOUND` when that revision is not kept; as
   * {@link SecretsVault.get} when it cannot be opened; `ERR_CONFLICT`
   */
  async rollback(
    tenantId: string,
    provider: ProviderRef,
    rev: number,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    const { rollback } = await import('./history.ts');
    return rollback(this.#core, tenantId, provider, rev, options);
  }

  /**
   * Removes the earlier versions of a record, as after a secret was stored by mistake. The current
   * version is sealed anew.
   *
   * @example
   * ```ts
   * await vault.purgeHistory('acme', 'twilio', { reason: 'stored by mistake' });
   * ```
   * @returns whether there were any
   * @throws VaultError as {@link SecretsVault.patch}
   */
  async purgeHistory(
    tenantId: string,
    provider: ProviderRef,
    options: WriteOptions = {},
  ): Promise<boolean> {
    const { purgeHistory } = await import('./history.ts');
    return purgeHistory(this.#core, tenantId, provider, options);
  }

  /**
   * The part of a tenant's credentials that a settings page may show: states, names and masks. A
   * record that cannot be opened is `unreadable`, and hides no other. One round trip, never from the
   * cache.
   *
   * @example
   * ```ts
   * for (const { provider, state, missing, fields } of await vault.status('acme')) {
   *   log.info({ provider, state, missing, masked: fields.authToken?.masked });
   * }
   * ```
   * @returns the status of `provider`; without one, of every provider that is defined or of which the
   * tenant has a record
   * @throws VaultError `ERR_INVALID_ARGUMENT` and the store's errors, never because of a record
   */
  status(
    tenantId: string,
    provider?: undefined,
    options?: StatusOptions,
  ): Promise<ProviderStatus[]>;
  status<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    options?: StatusOptions,
  ): Promise<ProviderStatus<P>>;
  async status(
    tenantId: string,
    provider?: ProviderRef,
    options: StatusOptions = {},
  ): Promise<ProviderStatus | ProviderStatus[]> {
    const core = this.#core;
    const { statusOfAll, statusOfOne } = await import('./status.ts');
    if (provider !== undefined) return statusOfOne(core, tenantId, provider, options);
    const read = () => statusOfAll(core, tenantId, options);
    return traced('status', core.owner, read, () => traceFacts(tenantId));
  }

  /**
   * Saves a settings page: a string sets, `null` removes, and a field stays that is absent, empty, or
   * equal to the value or mask that the page was shown. Strings are trimmed. It merges with a save
   * of somebody else; with `ifMatch`, the `etag` of the status shown, that is a conflict instead.
   *
   * @example
   * ```ts
   * // `authToken` was not touched: the page sends back its mask, or nothing.
   * const form = { phoneNumber: '+14155550100', authToken: '' };
   * const { etag } = await vault.status('acme', 'twilio'); // the one that the page was shown
   * await vault.applyForm('acme', 'twilio', form, { actor: user.id, ifMatch: etag });
   * ```
   * @returns the status after it
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a field that the provider does not have, a value of
   * another form, or a mask that was typed into; as {@link SecretsVault.patch}
   */
  async applyForm<const P extends ProviderRef>(
    tenantId: string,
    provider: P,
    form: ChangesOf<P>,
    options: WriteOptions & StatusOptions = {},
  ): Promise<ProviderStatus<P>> {
    const { applyForm } = await import('./changes.ts');
    const status = await applyForm(this.#core, tenantId, provider, form, options);
    return status as ProviderStatus<P>;
  }

  /**
   * All problems of a form for {@link SecretsVault.applyForm}, by field. Nothing is read or written.
   *
   * @example
   * ```ts
   * const { accountSid: problem } = vault.checkForm('twilio', { accountSid: 'AC1' });
   * if (problem) response.status(422).json({ problem });
   * ```
   * @returns field → message; empty when the form can be saved
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a malformed provider, or anything but an object of
   * fields
   */
  checkForm<const P extends ProviderRef>(
    provider: P,
    form: ChangesOf<P>,
  ): { [F in FieldNameOf<P>]?: string } {
    const { name, definition } = this.#core.registry.resolve(provider);
    return formProblems(form, name, definition) as { [F in FieldNameOf<P>]?: string };
  }

  /**
   * The value of a flat key [L6]: `twilio_auth_token`, or `twilio.region` for any field, or a key of
   * your own, which is a field of the provider `custom`.
   *
   * @example
   * ```ts
   * const token = await vault.getSecret('acme', 'twilio_auth_token');
   * ```
   * @returns `undefined` when it is not set
   * @throws VaultError as {@link SecretsVault.get}
   */
  async getSecret(
    tenantId: string,
    key: string,
    options: ReadOptions = {},
  ): Promise<string | undefined> {
    const { getSecret } = await import('./flat-operations.ts');
    return getSecret(this.#core, tenantId, key, options);
  }

  /**
   * All values of a tenant, by flat key, in one round trip; redacted as `Credentials` are. Every key
   * is one for {@link SecretsVault.getSecret}.
   *
   * @example
   * ```ts
   * const secrets = await vault.getAllSecrets('acme');
   * secrets.twilio_auth_token; // in the clear; printing the object shows no value
   * ```
   * @throws VaultError as {@link SecretsVault.get}, when one of the records cannot be opened
   */
  async getAllSecrets(tenantId: string, options: ReadOptions = {}): Promise<AllCredentials> {
    const core = this.#core;
    const { getAllSecrets } = await import('./flat-operations.ts');
    const read = () => getAllSecrets(core, tenantId, options);
    return traced('getMany', core.owner, read, () => traceFacts(tenantId));
  }

  /**
   * Sets the value of a flat key, in its provider's record; `null` removes it.
   *
   * @example
   * ```ts
   * await vault.setSecret('acme', 'twilio_auth_token', authToken, { actor: user.id });
   * ```
   * @throws VaultError as {@link SecretsVault.patch}
   */
  async setSecret(
    tenantId: string,
    key: string,
    value: string | null,
    options: WriteOptions = {},
  ): Promise<SecretInfo> {
    const { setSecret } = await import('./flat-operations.ts');
    return setSecret(this.#core, tenantId, key, value, options);
  }

  /**
   * Sets the values of many flat keys. All are checked before the first is written. The values of
   * one provider are written together; those of several providers are separate writes.
   *
   * @example
   * ```ts
   * await vault.setSecrets('acme', { twilio_account_sid: accountSid, openai_api_key: null });
   * ```
   * @returns the facts of each record after the call
   * @throws VaultError as {@link SecretsVault.patch}, once every write has ended
   */
  async setSecrets(
    tenantId: string,
    secrets: Readonly<Record<string, string | null>>,
    options: Omit<WriteOptions, 'ifMatch'> = {},
  ): Promise<SecretInfo[]> {
    const { setSecrets } = await import('./flat-operations.ts');
    return setSecrets(this.#core, tenantId, secrets, options);
  }

  /**
   * Removes the value of a flat key, and the history of its record, which may hold the value too.
   *
   * @example
   * ```ts
   * await vault.deleteSecret('acme', 'openai_api_key', { actor: user.id });
   * ```
   * @returns whether it was set
   * @throws VaultError as {@link SecretsVault.patch}
   */
  async deleteSecret(tenantId: string, key: string, options: WriteOptions = {}): Promise<boolean> {
    const { deleteSecret } = await import('./flat-operations.ts');
    return deleteSecret(this.#core, tenantId, key, options);
  }

  /**
   * The tenants whose credentials have that value in a field with `lookup: true`, such as the account
   * SID of a webhook. One query, whatever the number of tenants; nothing is opened. It names
   * candidates: whether a message is genuine is for {@link verifyTwilioWebhook} to say.
   *
   * @example
   * ```ts
   * const tenants = await vault.findTenants('twilio', { accountSid }, { actor: 'support' });
   * ```
   * @param lookup - exactly one field
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a field that cannot be looked up; `ERR_KEY_MISSING`
   * without a key for lookups; `ERR_STORE_FAILED` for a store without `find`
   */
  async findTenants<const P extends ProviderRef>(
    provider: P,
    lookup: FieldsOf<P>,
    options: ReadOptions = {},
  ): Promise<string[]> {
    const core = this.#core;
    const { findTenants } = await import('./find-tenants.ts');
    const find = () => findTenants(core, provider, lookup, options);
    return traced('findTenants', core.owner, find, () => traceFacts('*', provider));
  }

  /**
   * A handle bound to one tenant, for code that must not reach another tenant by mistake.
   *
   * @example
   * ```ts
   * const acme = vault.tenant('acme');
   * const { authToken: token } = await acme.require('twilio');
   * ```
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a malformed tenant id
   */
  tenant(tenantId: string): TenantVault {
    return new TenantVault(this, tenantId);
  }

  /**
   * Drops cached records and clients: of one record, of a tenant, or all. Call it after somebody else
   * has changed a store that does not report its changes.
   *
   * @example
   * ```ts
   * vault.invalidate('acme', 'twilio');
   * ```
   */
  invalidate(tenantId?: string, provider?: ProviderRef): void {
    const { registry, records } = this.#core;
    records.invalidate(tenantId, provider && registry.resolve(provider).name);
  }

  /**
   * Ends the cache, drops the clients, and stops listening to the store's changes. The vault goes on
   * without a cache. The store, the keys and the audit sink stay open: their owner closes them.
   *
   * @example
   * ```ts
   * process.once('SIGTERM', async () => {
   *   await vault.close();
   *   await client.close();
   * });
   * ```
   */
  async close(): Promise<void> {
    await this.#core.records.close();
    await this.#core.trail.flush();
  }
}

/**
 * The vault of one tenant: the methods of `SecretsVault` without their first argument.
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

  /** As `SecretsVault.fresh`. */
  fresh<const P extends ProviderRef>(provider: P, options?: ReadOptions) {
    return this.#vault.fresh(this.tenantId, provider, options);
  }

  /** As `SecretsVault.getMany`, by provider. */
  getMany(providers: readonly ProviderRef[], options?: ReadOptions) {
    // Anything but an array is rejected there.
    const refs = providers?.map?.((provider) => ({ tenantId: this.tenantId, provider }));
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

  /** As `SecretsVault.purgeHistory`. */
  purgeHistory(provider: ProviderRef, options?: WriteOptions) {
    return this.#vault.purgeHistory(this.tenantId, provider, options);
  }

  /** As `SecretsVault.rollback`. */
  rollback(provider: ProviderRef, rev: number, options?: WriteOptions) {
    return this.#vault.rollback(this.tenantId, provider, rev, options);
  }

  /** As `SecretsVault.status`. */
  status(provider?: undefined, options?: StatusOptions): Promise<ProviderStatus[]>;
  status<const P extends ProviderRef>(
    provider: P,
    options?: StatusOptions,
  ): Promise<ProviderStatus<P>>;
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

  /** As `SecretsVault.checkForm`. */
  checkForm<const P extends ProviderRef>(provider: P, form: ChangesOf<P>) {
    return this.#vault.checkForm(provider, form);
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
    options?: Omit<WriteOptions, 'ifMatch'>,
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

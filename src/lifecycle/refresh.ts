import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEntry } from '../audit/audit-trail.ts';
import { audited, auditSubject, openAudited, type Target, untilAborted } from '../core/audited.ts';
import type { ReadOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import { traced } from '../core/tracing.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { nextRecord } from '../core/write.ts';
import { isVaultError, VaultError } from '../errors.ts';
import { healthRef } from '../names.ts';
import {
  expiryOf,
  type ProviderDefinition,
  type RefreshDefinition,
} from '../providers/define-provider.ts';
import { applyChanges, type FieldMap, type ProviderRef } from '../providers/fields.ts';
import {
  decodeRecord,
  earlierVersions,
  type RecordView,
  recordInfo,
  recordLabel,
  refKey,
  type SecretRef,
} from '../record.ts';
import { type Credentials, redactedCredentials } from '../vault/credentials.ts';
import { isDue } from './due.ts';
import { healthOf, noteHealth } from './health.ts';
import type { CredentialHealth } from './health-event.ts';
import { type Lease, withLease } from './lease.ts';

/** Credentials as they are stored, opened. @internal */
export interface Current {
  readonly view: RecordView;
  readonly fields: FieldMap;
}

/** How a renewal is asked for. @internal */
export interface RenewalOptions extends ReadOptions {
  /** In the place of the definition's. */
  readonly marginMs?: number;
  /** Waits for another process that is renewing, also while the old credentials are valid. */
  readonly wait?: boolean;
}

const DEFAULT_TIMEOUT_MS = 10_000;
/** The lease lasts so much longer than an exchange may take. */
const WRITE_MS = 5_000;
/** After a failure, a process leaves the provider alone for so long. */
const BACK_OFF_MS = 30_000;
/** A grant that was refused is tried again after so long: providers err, too. */
const REFUSED_MS = 10 * 60_000;
/** New tokens that cannot be stored are kept in memory, and tried again, for so long. */
const HOLD_MS = 5 * 60_000;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;
const MAX_PAUSES = 10_000;

/** A renewal that failed: for a while, no other one is tried. */
interface Pause {
  readonly etag: string;
  /** When, in ms of the vault's clock. */
  readonly since: number;
  readonly refused: boolean;
  readonly reason: string;
}

interface Renewals {
  readonly underway: Map<string, Promise<Current>>;
  readonly pauses: Map<string, Pause>;
}

const renewals = new WeakMap<VaultCore, Renewals>();

/** {@link Current} with what is needed to replace it. */
interface Stored extends Current {
  readonly health: CredentialHealth | undefined;
}

type Renewable = ProviderDefinition & { readonly refresh: RefreshDefinition };

/** Does the work of `vault.fresh`. @internal */
export async function freshCredentials(
  core: VaultCore,
  tenantId: string,
  provider: ProviderRef,
  options: ReadOptions,
): Promise<Credentials> {
  const read = async ({ ref, definition }: Target, entry: AuditEntry) => {
    const { view: found, source } = await core.records.read(ref);
    entry.source = source;
    if (found === undefined) throw notFound(ref);
    const stored = { view: found, fields: (await openAudited(core, found, entry)).fields };
    const { view, fields } = await renewIfDue(core, definition, stored, options);
    entry.rev = view.rev;
    entry.keyId = view.keyId;
    entry.fields = Object.keys(fields);
    return redactedCredentials(fields, view);
  };
  return audited(core, 'get', tenantId, provider, options, read, 'fresh');
}

/**
 * The credentials `stored`, renewed if they are due: in one process at a time, by one call of it.
 * Callers that cannot renew them get them as they are while they are valid.
 *
 * @throws VaultError `ERR_REFRESH_FAILED`; `ERR_LEASE_TIMEOUT`; the errors of the store and of the keys
 * @internal
 */
export async function renewIfDue(
  core: VaultCore,
  definition: ProviderDefinition | undefined,
  stored: Current,
  options: RenewalOptions,
): Promise<Current> {
  if (!isRenewable(definition) || !isDueNow(core, definition, stored, options)) return stored;
  const { ref, etag } = stored.view;
  const key = refKey(ref);
  const { underway, pauses } = renewalsOf(core);
  const valid = isValid(core, definition, stored);
  const pause = pauses.get(key);
  if (pause?.etag === etag && isPaused(core, pause)) {
    if (valid && !pause.refused && !options.wait) return stored;
    throw refreshFailed(ref, pause);
  }
  const other = underway.get(key);
  if (other !== undefined && valid && !options.wait) return stored;
  const renewing =
    other ??
    renew(core, definition, stored, !valid, options).finally(() => void underway.delete(key));
  underway.set(key, renewing);
  try {
    return await renewing;
  } catch (error) {
    // The other caller of this process did not wait for the lease, and this one does.
    if (other !== undefined && isVaultError(error, 'ERR_LEASE_TIMEOUT')) {
      return renewIfDue(core, definition, stored, options);
    }
    // With the error of a refusal, as what the provider has taken back may have ended already.
    if (valid && !options.wait && !pauses.get(key)?.refused) return stored;
    throw error;
  }
}

async function renew(
  core: VaultCore,
  definition: Renewable,
  seen: Current,
  expired: boolean,
  options: RenewalOptions,
): Promise<Current> {
  const { ref } = seen.view;
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = definition.refresh;
  const leaseMs = timeoutMs + WRITE_MS;
  const waitMs = expired || options.wait ? 2 * leaseMs : 0;
  const name = `refresh/${ref.provider}`;
  const readAgain = async () => {
    const stored = await readStored(core, ref);
    // A cache that has not heard of it must not send every caller here.
    if (stored.view.etag !== seen.view.etag) core.records.invalidate(ref.tenantId, ref.provider);
    return stored;
  };
  const renewing = withLease(
    core,
    { tenantId: ref.tenantId, name, leaseMs, waitMs },
    async (lease) => {
      const stored = await readAgain();
      if (!isDueNow(core, definition, stored, options)) return stored;
      const pause = pauseOf(core, stored);
      if (pause !== undefined) throw refreshFailed(ref, remember(core, ref, pause));
      return core.trail.run(auditSubject('refresh', ref, options), async (entry) => {
        await entry.recordIntent({ rev: stored.view.rev + 1 });
        const ask = () => exchange(core, definition, stored, lease, options);
        const renewed = await traced('refresh', core.owner, ask, () => ref);
        entry.rev = renewed.view.rev;
        entry.keyId = renewed.view.keyId;
        entry.fields = Object.keys(renewed.fields);
        return renewed;
      });
    },
  );
  return renewing.catch(async (error: unknown) => {
    if (!isVaultError(error, 'ERR_LEASE_TIMEOUT')) throw error;
    const stored = await readAgain();
    if (isDueNow(core, definition, stored, options)) throw error;
    return stored;
  });
}

async function exchange(
  core: VaultCore,
  definition: Renewable,
  stored: Stored,
  lease: Lease,
  options: RenewalOptions,
): Promise<Current> {
  const { refresh } = definition;
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = refresh;
  // A process that was stopped, or waited for the store, may have lost it.
  if (lease.msLeft() < timeoutMs) await lease.renew();
  const signal = AbortSignal.timeout(timeoutMs);
  const fields = Object.freeze({ ...stored.fields });
  const answer = Promise.resolve().then(() => refresh.exchange({ fields, signal }));
  let changes: object;
  try {
    changes = await untilAborted(signal, () => answer);
    merged(stored, changes); // what cannot be stored is no answer
  } catch (error) {
    // What comes late is stored as well, if nothing else was: the old token may be used up.
    if (signal.aborted)
      answer.then((late) => store(core, definition, stored, late)).catch(() => {});
    return afterFailure(core, definition, stored, error, signal.aborted, options);
  }
  const renewed = await store(core, definition, stored, changes);
  renewalsOf(core).pauses.delete(refKey(stored.view.ref));
  if (stored.health !== undefined) {
    const observation = { state: 'ok', isCheck: true, renewed: stored.view.etag } as const;
    await noteHealth(core, renewed.view, observation, options);
  }
  return renewed;
}

/** What to do when the provider gave nothing new. It refuses a grant, too, that another process has used up. */
async function afterFailure(
  core: VaultCore,
  definition: Renewable,
  stored: Stored,
  error: unknown,
  timedOut: boolean,
  options: RenewalOptions,
): Promise<Current> {
  const { ref, etag } = stored.view;
  const refused = wordsOf(error)[0] === 'invalid_grant';
  if (refused) {
    const again = await readStored(core, ref);
    const isNews = again.view.etag !== etag;
    const isUsable =
      isValid(core, definition, again) || !isDueNow(core, definition, again, options);
    if (isNews && isUsable) return again;
  }
  const reason = timedOut ? 'timeout' : reasonOf(error);
  const pause = remember(core, ref, {
    etag,
    since: core.now().getTime(),
    refused,
    reason,
  });
  const state = isValid(core, definition, stored) ? 'expiring' : 'failing';
  const observation = refused
    ? ({ state: 'needs_reauthorization', code: 'invalid_grant' } as const)
    : ({ state, code: 'refresh_failed' } as const);
  await noteHealth(core, stored.view, { ...observation, isCheck: true }, options);
  throw refreshFailed(ref, pause);
}

/**
 * Merges renewed fields into the record. The old token may be used up, so that these are all there is:
 * they are held, and written again, for as long as the store fails.
 */
async function store(
  core: VaultCore,
  definition: Renewable,
  stored: Stored,
  changes: object,
): Promise<Current> {
  const { ref } = stored.view;
  const deadline = performance.now() + HOLD_MS;
  let base: Current = stored;
  let next: RecordView | undefined;
  for (let pause = FIRST_RETRY_MS; ; pause = Math.min(2 * pause, MAX_RETRY_MS)) {
    try {
      if (next !== undefined) {
        base = await readStored(core, ref);
        if (base.view.etag === next.etag) return base; // written: only the answer was lost
        if (touched(changes, stored.fields, base.fields)) return base;
      }
      const fields = merged(base, changes);
      const history = earlierVersions(base.view);
      const { updatedBy } = recordInfo(base.view);
      const content = { fields, history, definition, renewed: true };
      const { view } = base;
      next = await nextRecord(core, ref, view, content, updatedBy);
      const { record } = next;
      const put = () => core.store.put(record, view.etag);
      if (await core.records.whileWriting(ref, put)) return { view: next, fields };
    } catch (error) {
      const isOurs = isVaultError(error) && !/^ERR_(STORE_|KEY_UNAVAILABLE$)/.test(error.code);
      if (isOurs || performance.now() > deadline) throw error;
      await sleep(pause);
    }
  }
}

/** The fields after a renewal. Their form does not matter: a token of a new form is better than none. */
function merged({ view, fields }: Current, changes: object): FieldMap {
  return applyChanges(fields, changes, view.ref.provider, undefined);
}

/** Whether somebody else has changed one of the fields that were renewed. */
function touched(changes: object, before: FieldMap, now: FieldMap): boolean {
  return Object.keys(changes).some((field) => before[field] !== now[field]);
}

async function readStored(core: VaultCore, ref: SecretRef): Promise<Stored> {
  const own = healthRef(ref);
  const views = (await core.store.getMany([ref, own])).map(decodeRecord);
  const view = views.find(({ ref: { provider } }) => provider === ref.provider);
  if (view === undefined) throw notFound(ref);
  const { fields } = await openVersion(core, view.ref, view);
  const record = views.find(({ ref: { provider } }) => provider === own.provider);
  return { view, fields, health: await healthOf(core, view, record) };
}

/** The pause that another process has noted in the health of the credentials. */
function pauseOf(core: VaultCore, { view, health }: Stored): Pause | undefined {
  if (health?.code !== 'invalid_grant' && health?.code !== 'refresh_failed') return undefined;
  const { code: reason, checkedAt } = health;
  const refused = reason === 'invalid_grant';
  const pause = { etag: view.etag, since: checkedAt.getTime(), refused, reason };
  return isPaused(core, pause) ? pause : undefined;
}

/** Another machine's clock may be ahead; one that was set far back ends a pause. */
function isPaused(core: VaultCore, { since, refused }: Pause): boolean {
  return Math.abs(core.now().getTime() - since) < (refused ? REFUSED_MS : BACK_OFF_MS);
}

function remember(core: VaultCore, ref: SecretRef, pause: Pause): Pause {
  const { pauses } = renewalsOf(core);
  pauses.set(refKey(ref), pause);
  if (pauses.size > MAX_PAUSES) pauses.delete(pauses.keys().next().value as string);
  return pause;
}

function renewalsOf(core: VaultCore): Renewals {
  const known = renewals.get(core) ?? { underway: new Map(), pauses: new Map() };
  renewals.set(core, known);
  return known;
}

function isRenewable(definition: ProviderDefinition | undefined): definition is Renewable {
  return definition?.refresh !== undefined;
}

function isDueNow(
  core: VaultCore,
  { refresh }: Renewable,
  { view, fields }: Current,
  { marginMs }: RenewalOptions,
): boolean {
  if (!fields[refresh.expiresAt]) return false; // it does not expire
  return isDue(refresh, view, expiryOf(refresh, fields), core.now(), marginMs);
}

function isValid(core: VaultCore, { refresh }: Renewable, { fields }: Current): boolean {
  const expiry = expiryOf(refresh, fields);
  return expiry !== undefined && expiry.getTime() > core.now().getTime();
}

/** What an error says in one word. Its message may repeat the request, and with it the tokens. */
function reasonOf(error: unknown): string {
  if (isVaultError(error, 'ERR_INVALID_ARGUMENT')) return error.message;
  const isWord = (word: string) => /^(?:[a-z_]{3,40}|[A-Z_]{3,40}|\d{3})$/.test(word);
  return wordsOf(error).find((word) => isWord(word) && word !== 'undefined') ?? 'unknown error';
}

/** The members of an error that may say why, `error` first; none where they throw, or are no text. */
function wordsOf(thrown: unknown): string[] {
  try {
    const { error, status, statusCode, code } = (thrown ?? {}) as Record<string, unknown>;
    return [error, status, statusCode, code].map(String);
  } catch {
    return [];
  }
}

function refreshFailed(ref: SecretRef, { refused, reason }: Pause): VaultError {
  const advice = refused
    ? 'The provider refuses to renew them: connect the account again.'
    : 'It is tried again after 30 seconds.';
  return new VaultError(
    'ERR_REFRESH_FAILED',
    `The credentials of tenant "${ref.tenantId}" for provider "${ref.provider}" could not be renewed (${reason}). ${advice}`,
  );
}

function notFound(ref: SecretRef): VaultError {
  return new VaultError('ERR_SECRET_NOT_FOUND', `${recordLabel(ref)} does not exist.`);
}

import { channel } from 'node:diagnostics_channel';
import { auditSubject } from '../core/audited.ts';
import type { ReadOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import { type TraceContext, traced } from '../core/tracing.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { nextRecord } from '../core/write.ts';
import { healthRef } from '../names.ts';
import { decodeRecord, type RecordView, refKey } from '../record.ts';
import { type CredentialHealth, HEALTH_CHANNEL, type HealthState } from './health-event.ts';

/** What a call, a test or a renewal has shown. @internal */
export interface Observation {
  readonly state: HealthState;
  readonly code?: string | undefined;
  /** Notes the time of it, too, also where nothing else changed. */
  readonly isCheck?: boolean;
  /** The etag of the credentials of which these are the renewed ones. */
  readonly renewed?: string;
}

// The health of a credential is a record of its own [R8], so that the credential keeps its etag and its
// history. It names the etag that it is about.

const STATES: readonly string[] = ['ok', 'failing', 'expiring', 'needs_reauthorization'];
/** What follows from a grant that was refused, too. */
const SYMPTOMS: readonly HealthState[] = ['failing', 'expiring'];
const REPEAT_MS = 60_000;
const MAX_ATTEMPTS = 5;
const MAX_NOTED = 10_000;

const changes = channel(HEALTH_CHANNEL);
/** What this process has noted, so that a call that fails again and again asks no store. */
const noted = new WeakMap<VaultCore, Map<string, { readonly what: string; readonly at: number }>>();

/** The health in a record, with the etag that it is about; `undefined` where it cannot be read. @internal */
export async function readHealth(
  core: VaultCore,
  record: RecordView | undefined,
): Promise<(CredentialHealth & { readonly etag: string }) | undefined> {
  if (record === undefined) return undefined;
  try {
    const { fields } = await openVersion(core, record.ref, record, 'accept');
    const { state = '', etag = '', since = '', checkedAt = '', code } = fields;
    if (!STATES.includes(state)) return undefined;
    return {
      state: state as HealthState,
      since: new Date(since),
      checkedAt: new Date(checkedAt),
      ...(code !== undefined && { code }),
      etag,
    };
  } catch {
    return undefined; // it is found out again
  }
}

/** The health of the credentials in `view`, if that is what the record is about. @internal */
export async function healthOf(
  core: VaultCore,
  view: RecordView,
  record: RecordView | undefined,
): Promise<CredentialHealth | undefined> {
  const { etag, ...health } = (await readHealth(core, record)) ?? { etag: undefined };
  return etag === view.etag ? (health as CredentialHealth) : undefined;
}

/**
 * Remembers what was observed of the credentials in `view`, and tells of a change. It never throws:
 * what it is called from has failed or succeeded already.
 *
 * @internal
 */
export async function noteHealth(
  core: VaultCore,
  view: Pick<RecordView, 'ref' | 'etag'>,
  observation: Observation,
  options?: ReadOptions,
): Promise<void> {
  const known = noted.get(core) ?? new Map();
  noted.set(core, known);
  const key = refKey(view.ref);
  const what = `${view.etag} ${observation.state} ${observation.code}`;
  const last = known.get(key);
  const isRepeated = last?.what === what && performance.now() - last.at < REPEAT_MS;
  if (isRepeated && !observation.isCheck) return;
  known.delete(key);
  known.set(key, { what, at: performance.now() });
  if (known.size > MAX_NOTED) known.delete(known.keys().next().value as string);
  try {
    const write = (context?: TraceContext) =>
      writeHealth(core, view, observation, options, context);
    await traced('health', core.owner, write, () => view.ref);
  } catch {
    known.delete(key); // the next observation tries again
  }
}

async function writeHealth(
  core: VaultCore,
  { ref, etag }: Pick<RecordView, 'ref' | 'etag'>,
  { state, code, isCheck = false, renewed }: Observation,
  options: ReadOptions | undefined,
  context: TraceContext | undefined,
): Promise<void> {
  const own = healthRef(ref);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const views = (await core.store.getMany([ref, own], { history: false })).map(decodeRecord);
    const current = views.find((view) => view.ref.provider === ref.provider);
    if (current?.etag !== etag) return; // of credentials that are no longer stored
    const stored = views.find((view) => view.ref.provider === own.provider);
    const earlier = await readHealth(core, stored);
    const isSame = earlier !== undefined && [etag, renewed].includes(earlier.etag);
    const before = isSame ? earlier : undefined;
    if (state === 'ok' && stored === undefined && !isCheck) return;
    // A token that ends after its grant was refused says nothing new: somebody must connect again.
    if (before?.state === 'needs_reauthorization' && SYMPTOMS.includes(state)) return;
    const isChange = before?.state !== state || before.code !== code;
    const now = core.now();
    const since = before?.state === state ? before.since : now;
    const fields = {
      etag,
      state,
      since: since.toISOString(),
      checkedAt: now.toISOString(),
      ...(code !== undefined && { code }),
    };
    const next = await nextRecord(core, own, stored, { fields, history: [] }, undefined);
    const outcome = { outcome: state === 'ok' ? 'ok' : 'failed', code } as const;
    if (isChange) await core.trail.record({ ...auditSubject('health', ref, options), ...outcome });
    if (!(await core.store.put(next.record, stored?.etag ?? null))) continue;
    const previous = earlier?.state;
    const isNews = before?.state !== state && !(state === 'ok' && (previous ?? 'ok') === 'ok');
    if (isNews && context !== undefined) context.health = state;
    if (isNews && changes.hasSubscribers) {
      const health = { state, since, checkedAt: now, ...(code !== undefined && { code }) };
      changes.publish(Object.freeze({ ...ref, ...health, ...(previous && { previous }) }));
    }
    return;
  }
}

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortError } from '../core/audited.ts';
import type { ReadOptions } from '../core/options.ts';
import { openVersion } from '../core/seal.ts';
import { traced } from '../core/tracing.ts';
import type { VaultCore } from '../core/vault-core.ts';
import { nextRecord } from '../core/write.ts';
import { isVaultError, ProviderError, VaultError } from '../errors.ts';
import { reservedName } from '../names.ts';
import type { ProviderDefinition } from '../providers/define-provider.ts';
import { applyChanges } from '../providers/fields.ts';
import type { RotationDefinition } from '../providers/rotation.ts';
import {
  currentVersion,
  decodeRecord,
  type RecordView,
  recordInfo,
  recordLabel,
  type SecretRef,
} from '../record.ts';
import { patchRecord } from '../vault/changes.ts';
import { type Lease, withLease } from './lease.ts';

// lease → intent → create → note it in the intent → prove that it works → store it → grace → revoke
// the old one → prove that it is dead → done. The intent is a record of its own [R8], sealed as all
// others; after a crash it tells what was made and what is left to do.

type Fields = Readonly<Record<string, string>>;

/** How one rotation runs. @internal */
export interface RotationRun {
  readonly definition: ProviderDefinition;
  readonly rotation: RotationDefinition;
  /** Milliseconds between storing the new credential and revoking the old one. */
  readonly graceMs: number;
  /** Begins none where the record was written later than that, in ms of the vault's clock. */
  readonly writtenBefore?: number | undefined;
  readonly options: ReadOptions;
}

const LEASE_MS = 30_000;
const LEASE_WAIT_MS = 40_000; // long enough to take over from a process that was killed
const FIRST_POLL_MS = 50;
const POLL_MS = 2_000;
/** A new key may take a moment to work. */
const MAX_BIRTH_MS = 30_000;
/** A revoked key of SendGrid works for minutes. */
const MAX_DEATH_MS = 600_000;

/** The intent record: what is being replaced, and how far it is. */
interface Intent {
  readonly view: RecordView;
  readonly id: string;
  /** All fields when it began: with these it was made. */
  readonly before: Fields;
  /** Those of them that are replaced. */
  readonly old: Fields;
  /** The new fields, once they are made. */
  readonly made?: Record<string, string | null>;
  /** Once they are stored: when the old credential may be revoked, in milliseconds since 1970. */
  readonly revokeAt?: number;
}

/** The address of the record that holds a rotation's intent. @internal */
export function intentRef({ tenantId, provider }: SecretRef): SecretRef {
  return { tenantId, provider: reservedName('rotation', provider) };
}

/**
 * Replaces a credential at the provider, or finishes a replacement that was interrupted.
 *
 * @returns the fields that were replaced; none where `writtenBefore` says so
 * @internal
 */
export async function rotate(
  core: VaultCore,
  ref: SecretRef,
  run: RotationRun,
): Promise<readonly string[]> {
  const { signal } = run.options;
  const lease = { tenantId: ref.tenantId, name: `rotate/${ref.provider}`, signal };
  return withLease(core, { ...lease, leaseMs: LEASE_MS, waitMs: LEASE_WAIT_MS }, (held) =>
    new Rotation(core, ref, run, held).run(),
  );
}

class Rotation {
  readonly #core: VaultCore;
  readonly #ref: SecretRef;
  readonly #run: RotationRun;
  readonly #lease: Lease;

  constructor(core: VaultCore, ref: SecretRef, run: RotationRun, lease: Lease) {
    this.#core = core;
    this.#ref = ref;
    this.#run = run;
    this.#lease = lease;
  }

  async run(): Promise<readonly string[]> {
    let intent = await this.#readIntent();
    try {
      if (intent === undefined) {
        intent = await this.#begin();
        if (intent === undefined) return [];
      } else if (intent.made === undefined) await this.#discard(intent);
      if (intent.made === undefined) intent = await this.#create(intent);
      if (intent.revokeAt === undefined) intent = await this.#store(intent);
      const { revokeAt = 0 } = intent;
      await this.#waitUntil(() => Date.now() >= revokeAt, Number.POSITIVE_INFINITY);
      await this.#revoke(intent);
      await this.#finish(intent);
      return Object.keys(intent.old);
    } catch (error) {
      // Deleted meanwhile: what was made goes, too, and with it what the intent holds.
      if (intent !== undefined && isVaultError(error, 'ERR_SECRET_NOT_FOUND')) {
        await this.#discard(intent).catch(unlessRefused);
        await this.#forget(intent);
      }
      throw error;
    }
  }

  async #begin(): Promise<Intent | undefined> {
    const { view, fields } = await this.#read();
    const { writtenBefore = Number.POSITIVE_INFINITY } = this.#run;
    // Another process may have replaced it while this one waited for the lease.
    if ((recordInfo(view).updatedAt?.getTime() ?? 0) > writtenBefore) return undefined;
    const names = await this.#ask('replaces', (rotation) => rotation.replaces(fields));
    const id = randomBytes(8).toString('hex');
    return this.#writeIntent(undefined, { id, before: fields, old: pick(fields, names) });
  }

  async #create(intent: Intent): Promise<Intent> {
    const { fields } = await this.#read();
    if (!holds(fields, intent.old)) return this.#abandon(intent, fields);
    await this.#step();
    let changes: object;
    try {
      changes = await this.#ask('create', (rotation) =>
        rotation.create(this.#context(intent, fields)),
      );
    } catch (error) {
      // The provider has said no: nothing was made.
      const refused = isVaultError(error, 'ERR_PROVIDER') && (error.status ?? 500) < 500;
      if (refused) await this.#forget(intent);
      throw error;
    }
    const made = this.#checkedChanges(intent, fields, changes);
    if (made === undefined) {
      await this.#discard(intent);
      await this.#forget(intent);
      throw this.#failure('gave no new credential that can be stored. The old one stays.');
    }
    return this.#writeIntent(intent.view, { ...intent, made });
  }

  /** `undefined` where they cannot be stored, or leave what is to be revoked in use. */
  #checkedChanges({ old }: Intent, fields: Fields, changes: object) {
    try {
      if (holds(this.#changed(fields, changes), old)) return undefined;
    } catch {
      return undefined;
    }
    return pick<string | null>({ ...changes }, Object.keys(changes));
  }

  async #store(intent: Intent): Promise<Intent> {
    const { made = {} } = intent;
    for (;;) {
      const { view, fields } = await this.#read();
      if (!holds(fields, made)) {
        if (!holds(fields, intent.old)) return this.#abandon(intent, fields);
        const next = this.#changed(fields, made);
        const born = await this.#waitUntil(() => this.#works(intent, next), MAX_BIRTH_MS);
        if (!born) {
          await this.#discard(intent);
          await this.#forget(intent);
          throw this.#failure('does not accept the new credential. The old one stays.');
        }
        await this.#step();
        try {
          await this.#patch(made, view.etag);
        } catch (error) {
          if (isVaultError(error, 'ERR_CONFLICT')) continue; // look at what the other writer left
          throw error;
        }
      }
      const revokeAt = Date.now() + this.#run.graceMs;
      return this.#writeIntent(intent.view, { ...intent, revokeAt });
    }
  }

  async #revoke(intent: Intent): Promise<void> {
    const { fields } = await this.#read();
    if (!holds(fields, pick(intent.made ?? {}, Object.keys(intent.old)))) {
      await this.#abandon(intent, fields);
    }
    const old = { ...fields, ...intent.old };
    await this.#step();
    if (!(await this.#works(intent, old))) return;
    await this.#ask('revoke', (rotation) =>
      rotation.revoke({ ...this.#context(intent, fields), old }),
    );
    const isDead = async () => !(await this.#works(intent, old));
    if (await this.#waitUntil(isDead, MAX_DEATH_MS)) return;
    throw this.#failure('still accepts the old credential after its end. Run the rotation again.');
  }

  async #finish(intent: Intent): Promise<void> {
    const { view, fields } = await this.#read();
    const context = { ...this.#context(intent, fields), old: intent.old };
    const changes = (await this.#ask('finish', (rotation) => rotation.finish?.(context))) ?? {};
    if (Object.keys(changes).length > 0) await this.#patch(changes, view.etag);
    await this.#forget(intent);
  }

  /** Somebody has stored other credentials meanwhile: theirs stay, and what was made goes. */
  async #abandon(intent: Intent, fields: Fields): Promise<never> {
    await this.#discard(intent, fields);
    await this.#forget(intent);
    throw new VaultError(
      'ERR_CONFLICT',
      `${recordLabel(this.#ref)} was given other credentials during the rotation. They stay; what the rotation had made is removed.`,
    );
  }

  /**
   * Removes what was made, with the credentials that made it: those stored now may be of another
   * account. Where the provider no longer takes them, the new ones may do it, or those `stored` now.
   */
  async #discard(intent: Intent, stored?: Fields): Promise<void> {
    const { before, made } = intent;
    const others = [made && this.#changed(before, made), stored];
    const sets = [before, ...others.filter((fields) => fields !== undefined)];
    for (const [at, fields] of sets.entries()) {
      await this.#step();
      try {
        return await this.#ask('discard', (rotation) =>
          rotation.discard(this.#context(intent, fields)),
        );
      } catch (error) {
        if (at === sets.length - 1) throw error;
        unlessRefused(error);
      }
    }
  }

  #changed(fields: Fields, changes: object): Fields {
    return applyChanges(fields, changes, this.#ref.provider, this.#run.definition);
  }

  #works(intent: Intent, fields: Fields): Promise<boolean> {
    return this.#ask('works', (rotation) => rotation.works(this.#context(intent, fields)));
  }

  /** A definition may throw anything, whose message may repeat the request, and with it the credentials. */
  async #ask<T>(
    step: keyof RotationDefinition,
    call: (rotation: RotationDefinition) => T | Promise<T>,
  ): Promise<T> {
    const ask = async () => call(this.#run.rotation);
    try {
      return await traced('rotationStep', this.#core.owner, ask, () => ({ ...this.#ref, step }));
    } catch (error) {
      if (isVaultError(error)) throw error;
      throw this.#failure('could not be asked. Run the rotation again.');
    }
  }

  #context({ id, old }: Intent, fields: Fields) {
    return { fields, replaced: Object.keys(old), name: `provider-vault ${id}` };
  }

  async #patch(changes: object, ifMatch: string): Promise<void> {
    const { definition, options } = this.#run;
    const { actor, reason } = options;
    const write = { ifMatch, ...(actor && { actor }), ...(reason && { reason }) };
    await patchRecord(this.#core, this.#ref.tenantId, definition, changes, write);
  }

  /** Before each step: the caller has not given up, and nobody has taken over. */
  async #step(): Promise<void> {
    const { signal } = this.#run.options;
    if (signal?.aborted) throw abortError(signal);
    await this.#lease.renew();
  }

  /** @returns whether `isDone` became true within `maxMs` */
  async #waitUntil(isDone: () => boolean | Promise<boolean>, maxMs: number): Promise<boolean> {
    const { signal } = this.#run.options;
    const end = performance.now() + maxMs;
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(2 * pause, POLL_MS)) {
      if (await isDone()) return true;
      if (performance.now() >= end) return false;
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal?.aborted) throw abortError(signal);
      if (this.#lease.msLeft() < LEASE_MS / 2) await this.#lease.renew();
    }
  }

  async #read(): Promise<{ view: RecordView; fields: Fields }> {
    const record = await this.#core.store.get(this.#ref, { history: false });
    if (record === undefined) {
      throw new VaultError('ERR_SECRET_NOT_FOUND', `${recordLabel(this.#ref)} does not exist.`);
    }
    const view = decodeRecord(record);
    const { fields } = await openVersion(this.#core, this.#ref, currentVersion(view));
    return { view, fields };
  }

  async #readIntent(): Promise<Intent | undefined> {
    const ref = intentRef(this.#ref);
    const record = await this.#core.store.get(ref, { history: false });
    if (record === undefined) return undefined;
    const view = decodeRecord(record);
    const { fields } = await openVersion(this.#core, ref, currentVersion(view), 'accept');
    const { id = '', before = '{}', old = '{}', made, revokeAt } = fields;
    return {
      view,
      id,
      before: JSON.parse(before),
      old: JSON.parse(old),
      ...(made !== undefined && { made: JSON.parse(made) }),
      ...(revokeAt !== undefined && { revokeAt: Number(revokeAt) }),
    };
  }

  async #writeIntent(
    stored: RecordView | undefined,
    { id, before, old, made, revokeAt }: Omit<Intent, 'view'>,
  ): Promise<Intent> {
    const fields = {
      provider: this.#ref.provider, // the name of the record may be a digest of it
      id,
      before: JSON.stringify(before),
      old: JSON.stringify(old),
      ...(made !== undefined && { made: JSON.stringify(made) }),
      ...(revokeAt !== undefined && { revokeAt: String(revokeAt) }),
    };
    const ref = intentRef(this.#ref);
    const content = { fields, history: [] };
    const view = await nextRecord(this.#core, ref, stored, content, undefined);
    if (!(await this.#core.store.put(view.record, stored?.etag ?? null))) throw this.#takenOver();
    const parts = { ...(made && { made }), ...(revokeAt !== undefined && { revokeAt }) };
    return { view, id, before, old, ...parts };
  }

  async #forget({ view }: Intent): Promise<void> {
    await this.#core.store.delete(view.ref, view.etag);
  }

  #takenOver(): VaultError {
    return new VaultError(
      'ERR_LEASE_TIMEOUT',
      `Another process goes on with the rotation of ${recordLabel(this.#ref).toLowerCase()}.`,
    );
  }

  #failure(what: string): VaultError {
    const { provider, tenantId } = this.#ref;
    return new ProviderError(provider, `${provider} ${what} Tenant: "${tenantId}".`, {});
  }
}

/** Throws all errors but a provider's that does not take the credentials, or not for this. */
function unlessRefused(error: unknown): void {
  const isRefusal = isVaultError(error, 'ERR_PROVIDER') && [401, 403].includes(error.status ?? 0);
  if (!isRefusal) throw error;
}

function pick<T>(fields: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(
    names.flatMap((name): [string, T][] => {
      const value = fields[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function holds(fields: Fields, wanted: Readonly<Record<string, string | null>>): boolean {
  return Object.entries(wanted).every(([name, value]) => (fields[name] ?? null) === value);
}

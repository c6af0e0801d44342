import { channel } from 'node:diagnostics_channel';
import { isVaultError } from '../errors.ts';
import type { AuditEvent } from './audit-event.ts';
import type { AuditOptions } from './audit-sink.ts';
import type { RefusalSums } from './refusal-sums.ts';
import { SinkWriter } from './sink-writer.ts';

/**
 * The `node:diagnostics_channel` on which every {@link AuditEvent} is published.
 *
 * @public
 */
export const AUDIT_CHANNEL = 'provider-vault:audit';

/** The facts of an event that are known before it happens. @internal */
export type AuditSubject = Pick<AuditEvent, 'action' | 'tenantId' | 'provider'> &
  Omit<AuditDetails, keyof Outcome>;

/** The facts of an event that become known while it happens. @internal */
export type AuditDetails = {
  -readonly [K in Exclude<keyof AuditEvent, 'at' | 'action' | 'tenantId' | 'provider'>]?:
    | AuditEvent[K]
    | undefined;
};

/** An event about to happen; its outcome is `ok`, unless it is set or an error is thrown. @internal */
export interface AuditEntry extends AuditDetails {
  /**
   * Must be called before each change of the store, with the facts of that change. In strict mode
   * the sink gets the event at that point, and a contrary one if the change fails.
   */
  recordIntent(details: AuditDetails): Promise<void>;
}

interface Outcome extends Pick<AuditEvent, 'outcome'> {
  readonly code?: string | undefined;
}

/**
 * Makes every operation of a vault leave one event.
 *
 * @internal
 */
export class AuditTrail {
  readonly #channel = channel(AUDIT_CHANNEL);
  readonly #now: () => Date;
  readonly #sink: SinkWriter | undefined;
  #refusals: Promise<RefusalSums<AuditSubject & Outcome>> | undefined;

  constructor(now: () => Date, audit?: AuditOptions) {
    this.#now = now;
    this.#sink = audit && new SinkWriter(audit);
  }

  /**
   * Runs `operate`, and records its outcome. Where nobody listens, it returns what `operate` returns.
   *
   * @throws VaultError what `operate` throws; in strict mode also when the sink failed
   */
  run<T>(subject: AuditSubject, operate: (entry: AuditEntry) => Promise<T>): Promise<T>;
  run<T>(subject: AuditSubject, operate: (entry: AuditEntry) => T | Promise<T>): T | Promise<T>;
  run<T>(subject: AuditSubject, operate: (entry: AuditEntry) => T | Promise<T>): T | Promise<T> {
    return this.listened ? this.#run(subject, operate) : operate({ recordIntent: noIntent });
  }

  async #run<T>(subject: AuditSubject, operate: (entry: AuditEntry) => T | Promise<T>): Promise<T> {
    let intended: AuditDetails | undefined;
    let refused = false; // by the sink
    const entry: AuditEntry = {
      recordIntent: async (details) => {
        Object.assign(entry, details);
        if (!this.#sink?.strict) return;
        if (intended) {
          const lost = { ...subject, ...intended, ...FAILED_RACE };
          await this.#sink.offer(this.#event(lost));
        }
        refused = true; // until it has taken the event
        await this.#sink.write(this.#event({ ...subject, ...entry, outcome: 'ok' }));
        refused = false;
        intended = { ...entry };
      },
    };
    let result: T;
    try {
      result = await operate(entry);
    } catch (error) {
      await this.#failed({ ...subject, ...entry }, error, !refused);
      throw error;
    }
    const done = { ...subject, ...entry, outcome: entry.outcome ?? 'ok' } as const;
    if (intended === undefined) await this.record(done);
    else {
      if (done.outcome !== 'ok') await this.#sink?.offer(this.#event(done));
      this.#publish(done);
    }
    return result;
  }

  /**
   * Records an event that has happened, or in strict mode one that is about to.
   *
   * @throws VaultError in strict mode, when the sink failed
   */
  async record(about: AuditSubject & Outcome): Promise<void> {
    if (!this.listened) return;
    const event = this.#event(about);
    try {
      await this.#sink?.write(event);
    } catch (error) {
      this.#publish({ ...about, ...outcomeOf(error) });
      throw error;
    }
    this.#channel.publish(event);
  }

  /** Records that an operation was refused or failed with `error`. */
  failed(subject: AuditSubject, error: unknown): Promise<void> {
    return this.#failed(subject, error, true);
  }

  /**
   * Records a refusal that an unauthenticated caller can cause: the first one of a tenant at once, and
   * the following ones once a minute, with their count. It never throws.
   */
  async refusedOutsider(refusal: AuditSubject & Outcome): Promise<void> {
    if (!this.listened) return;
    this.#refusals ??= import('./refusal-sums.ts').then(
      ({ RefusalSums }) =>
        new RefusalSums((refusal, count) =>
          this.#offer(count === 1 ? refusal : { ...refusal, count }),
        ),
    );
    await (await this.#refusals).add(refusal);
  }

  /** Records the refusals that are not recorded yet. */
  async flush(): Promise<void> {
    await (await this.#refusals)?.flush();
  }

  /** Removes the events of a tenant from the sink; `undefined` without a sink, or for one that cannot. */
  async erase(tenantId: string): Promise<number | undefined> {
    await this.flush();
    return this.#sink?.erase(tenantId);
  }

  #failed(subject: AuditSubject, error: unknown, toSink: boolean): Promise<void> {
    return this.#offer({ ...subject, ...outcomeOf(error) }, toSink);
  }

  async #offer(about: AuditSubject & Outcome, toSink = true): Promise<void> {
    if (!this.listened) return;
    const event = this.#event(about);
    this.#channel.publish(event);
    if (toSink) await this.#sink?.offer(event);
  }

  /** Whether anybody gets the events. */
  get listened(): boolean {
    return this.#sink !== undefined || this.#channel.hasSubscribers;
  }

  #publish(about: AuditSubject & Outcome): void {
    if (this.#channel.hasSubscribers) this.#channel.publish(this.#event(about));
  }

  #event(about: AuditSubject & Outcome): AuditEvent {
    const known = Object.entries(about).filter(
      ([, value]) => value !== undefined && typeof value !== 'function',
    );
    return Object.freeze({
      at: this.#now(),
      fields: [],
      source: 'vault',
      ...(Object.fromEntries(known) as AuditSubject & Outcome),
    }) as AuditEvent;
  }
}

async function noIntent(): Promise<void> {}

const FAILED_RACE: Outcome = { outcome: 'refused', code: 'ERR_CONFLICT' };

/** The outcome and code that the audit trail gives an error. @internal */
export function outcomeOf(error: unknown): Outcome {
  const code = isVaultError(error) ? error.code : undefined;
  const byOthers = code === undefined || /^ERR_(STORE|PROVIDER)/.test(code);
  return { outcome: byOthers ? 'failed' : 'refused', code };
}

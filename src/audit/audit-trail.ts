import { channel } from 'node:diagnostics_channel';
import { isVaultError } from '../errors.ts';
import type { AuditEvent } from './audit-event.ts';
import type { AuditOptions } from './audit-sink.ts';
import { SinkWriter } from './sink-writer.ts';

/**
 * The `node:diagnostics_channel` on which every {@link AuditEvent} is published.
 *
 * @public
 */
export const AUDIT_CHANNEL = 'provider-vault:audit';

/** What is known of an event before it happens. @internal */
export type AuditSubject = Pick<AuditEvent, 'action' | 'tenantId' | 'provider'> &
  Omit<AuditDetails, keyof Outcome>;

/** What of an event may be learnt while it happens. @internal */
export type AuditDetails = {
  -readonly [K in Exclude<keyof AuditEvent, 'at' | 'action' | 'tenantId' | 'provider'>]?:
    | AuditEvent[K]
    | undefined;
};

/** An event about to happen; its outcome is `ok`, unless it is set or an error is thrown. @internal */
export interface AuditEntry extends AuditDetails {
  /**
   * To be called before each change of the store, with what it will be. In strict mode the sink
   * gets the event then, and one of the opposite when the change did not come about.
   */
  announce(details: AuditDetails): Promise<void>;
}

interface Outcome extends Pick<AuditEvent, 'outcome'> {
  readonly code?: string | undefined;
}

/**
 * Sees to it that every operation of a vault leaves one event.
 *
 * @internal
 */
export class AuditTrail {
  readonly #channel = channel(AUDIT_CHANNEL);
  readonly #now: () => Date;
  readonly #sink: SinkWriter | undefined;

  constructor(now: () => Date, audit?: AuditOptions) {
    this.#now = now;
    this.#sink = audit && new SinkWriter(audit);
  }

  /**
   * Runs `operate`, and records what became of it.
   *
   * @throws VaultError what `operate` throws; in strict mode also when the sink failed
   */
  async run<T>(subject: AuditSubject, operate: (entry: AuditEntry) => Promise<T>): Promise<T> {
    if (!this.#listened) return operate({ announce: nobody });

    let announced: AuditDetails | undefined;
    let refused = false; // by the sink
    const entry: AuditEntry = {
      announce: async (details) => {
        Object.assign(entry, details);
        if (!this.#sink?.strict) return;
        if (announced) {
          const lost = { ...subject, ...announced, ...FAILED_RACE };
          await this.#sink.offer(this.#event(lost));
        }
        refused = true; // until it has taken the event
        await this.#sink.write(this.#event({ ...subject, ...entry, outcome: 'ok' }));
        refused = false;
        announced = { ...entry };
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
    if (announced) this.#publish(done);
    else await this.record(done);
    return result;
  }

  /**
   * Records an event that has happened, or in strict mode one that is about to.
   *
   * @throws VaultError in strict mode, when the sink failed
   */
  async record(about: AuditSubject & Outcome): Promise<void> {
    if (!this.#listened) return;
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

  async #failed(subject: AuditSubject, error: unknown, toSink: boolean): Promise<void> {
    if (!this.#listened) return;
    const event = this.#event({ ...subject, ...outcomeOf(error) });
    this.#channel.publish(event);
    if (toSink) await this.#sink?.offer(event);
  }

  get #listened(): boolean {
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

async function nobody(): Promise<void> {}

const FAILED_RACE: Outcome = { outcome: 'refused', code: 'ERR_CONFLICT' };

/** How the audit trail calls an error. @internal */
export function outcomeOf(error: unknown): Outcome {
  const code = isVaultError(error) ? error.code : undefined;
  const byOthers = code === undefined || /^ERR_(STORE|PROVIDER)/.test(code);
  return { outcome: byOthers ? 'failed' : 'refused', code };
}

import { channel } from 'node:diagnostics_channel';
import { isVaultError } from '../errors.ts';
import type { AuditEvent } from './audit-event.ts';

/**
 * The `node:diagnostics_channel` on which every {@link AuditEvent} is published.
 *
 * @public
 */
export const AUDIT_CHANNEL = 'provider-vault:audit';

/** What is known of an event before it happens. @internal */
export type AuditSubject = Pick<AuditEvent, 'action' | 'tenantId' | 'provider'> & AuditDetails;

/** What of an event may be learnt while it happens. @internal */
export type AuditDetails = {
  -readonly [K in 'fields' | 'rev' | 'keyId' | 'source' | 'actor' | 'reason']?:
    | AuditEvent[K]
    | undefined;
};

/**
 * Sees to it that every operation of a vault leaves one event.
 *
 * @internal
 */
export class AuditTrail {
  readonly #channel = channel(AUDIT_CHANNEL);
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Runs `operate`, and records what became of it. */
  async run<T>(subject: AuditSubject, operate: (findings: AuditDetails) => Promise<T>): Promise<T> {
    const findings: AuditDetails = {};
    try {
      const result = await operate(findings);
      await this.record({ ...subject, ...findings, outcome: 'ok' });
      return result;
    } catch (error) {
      const code = isVaultError(error) ? error.code : undefined;
      const outcome = code === undefined || code.startsWith('ERR_STORE') ? 'failed' : 'refused';
      await this.record({ ...subject, ...findings, outcome, code });
      throw error;
    }
  }

  /** Records an event that has happened. */
  async record(
    about: AuditSubject & Pick<AuditEvent, 'outcome'> & { code?: string | undefined },
  ): Promise<void> {
    if (!this.#channel.hasSubscribers) return;
    const known = Object.entries(about).filter(([, value]) => value !== undefined);
    const event = { at: this.#now(), fields: [], source: 'vault', ...Object.fromEntries(known) };
    this.#channel.publish(event);
  }
}

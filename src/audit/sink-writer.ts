import { channel } from 'node:diagnostics_channel';
import { isVaultError, VaultError } from '../errors.ts';
import type { AuditEvent } from './audit-event.ts';
import { AUDIT_ERROR_CHANNEL, type AuditOptions } from './audit-sink.ts';

/**
 * Hands events to a sink, and reports every failure of the sink.
 *
 * @internal
 */
export class SinkWriter {
  readonly strict: boolean;
  readonly #sink: AuditOptions['sink'];
  readonly #errors = channel(AUDIT_ERROR_CHANNEL);
  #failing = false;

  constructor({ sink, mode }: AuditOptions) {
    this.#sink = sink;
    this.strict = mode === 'strict';
  }

  /**
   * Writes `event`; in strict mode it waits for the sink.
   *
   * @throws VaultError in strict mode, when the sink failed: `ERR_STORE_UNAVAILABLE` if it says so,
   * else `ERR_STORE_FAILED`
   */
  async write(event: AuditEvent): Promise<void> {
    const writing = this.#write(event);
    if (!this.strict) return;
    const failure = await writing;
    if (failure === undefined) return;
    throw new VaultError(
      isVaultError(failure.error, 'ERR_STORE_UNAVAILABLE')
        ? 'ERR_STORE_UNAVAILABLE'
        : 'ERR_STORE_FAILED',
      'The audit trail could not be written, so the operation was refused.',
      { cause: failure.error },
    );
  }

  /** Writes `event`; a failure is reported and never thrown. */
  async offer(event: AuditEvent): Promise<void> {
    const writing = this.#write(event);
    if (this.strict) await writing;
  }

  /** Removes the events of a tenant; `undefined` where the sink cannot. */
  async erase(tenantId: string): Promise<number | undefined> {
    return this.#sink.erase?.(tenantId);
  }

  async #write(event: AuditEvent): Promise<{ error: unknown } | undefined> {
    try {
      await this.#sink.write(event);
      this.#failing = false;
      return undefined;
    } catch (error) {
      this.#report(error, event);
      return { error };
    }
  }

  #report(error: unknown, event: AuditEvent): void {
    if (this.#errors.hasSubscribers) {
      this.#errors.publish({ error, event });
    } else if (!this.#failing) {
      process.emitWarning('An audit event could not be written to its sink.', {
        type: 'ProviderVaultWarning',
        code: 'AUDIT_SINK_FAILED',
        detail: `Subscribe to the diagnostics channel "${AUDIT_ERROR_CHANNEL}" for each failure.`,
      });
    }
    this.#failing = true;
  }
}

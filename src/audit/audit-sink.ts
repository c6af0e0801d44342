import { invalidArgument } from '../errors.ts';
import type { AuditEvent } from './audit-event.ts';

/**
 * Where a vault writes its {@link AuditEvent}s. `MongoAuditSink` is one.
 *
 * @public
 */
export interface AuditSink {
  /**
   * Keeps one event; what it returns settles when the event is kept. It is called before the
   * operation that the event is about returns.
   */
  write(event: AuditEvent): void | Promise<void>;
  /**
   * Optional: removes the events of a tenant, those that were written before the call included; for
   * `eraseTenant` with `audit: 'erase'`.
   *
   * @returns how many were removed
   */
  erase?(tenantId: string): Promise<number>;
}

/**
 * A sink, and what happens when it fails.
 *
 * @public
 */
export interface AuditOptions {
  readonly sink: AuditSink;
  /**
   * `strict`: an operation whose event cannot be kept is refused, and no credentials are returned.
   * The sink is called, and awaited, before the store is changed. `best-effort`: operations do not
   * wait for the sink, and a failure is published on {@link AUDIT_ERROR_CHANNEL}.
   *
   * @defaultValue `"best-effort"`
   */
  readonly mode?: 'strict' | 'best-effort';
}

/** @internal */
export function auditOptions(
  audit: AuditSink | AuditOptions | undefined,
): AuditOptions | undefined {
  if (audit === undefined) return undefined;
  const { sink, mode = 'best-effort' } = isSink(audit) ? { sink: audit } : (audit ?? {});
  if (!isSink(sink)) {
    throw invalidArgument('audit must be a sink with a function "write", or { sink, mode }.');
  }
  if (mode !== 'strict' && mode !== 'best-effort') {
    throw invalidArgument('The mode of audit must be "strict" or "best-effort".');
  }
  return { sink, mode };
}

function isSink(value: unknown): value is AuditSink {
  return typeof (value as Partial<AuditSink> | null)?.write === 'function';
}

/**
 * The `node:diagnostics_channel` that gets `{ error, event }` when a sink fails to keep an event.
 * Without a subscriber, the first such failure is a process warning.
 *
 * @public
 */
export const AUDIT_ERROR_CHANNEL = 'provider-vault:audit-error';

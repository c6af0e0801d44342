import { types } from 'node:util';
import type { AuditAction, AuditEvent } from '../audit/audit-event.ts';
import { invalidArgument } from '../errors.ts';

/**
 * Which audit events to find; all conditions must hold.
 *
 * @public
 */
export interface AuditQuery {
  readonly tenantId?: string;
  readonly provider?: string;
  /** Name of a field that was read or written. */
  readonly field?: string;
  readonly action?: AuditAction;
  readonly outcome?: AuditEvent['outcome'];
  readonly actor?: string;
  /** The earliest time, included. */
  readonly since?: Date;
  /** The latest time, excluded. */
  readonly until?: Date;
  /** The number of events, at most. @defaultValue 100 */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 100;

/**
 * Makes a filter of MongoDB from a query. The members of a query may come from an HTTP request, so
 * only plain strings and dates get into the filter.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function auditFilter(query: AuditQuery): { filter: object; limit: number } {
  const { field, since, until, limit = DEFAULT_LIMIT } = query;
  const { tenantId, provider, action, outcome, actor } = query;
  const filter: Record<string, unknown> = {};
  for (const [name, value] of Object.entries({
    tenantId,
    provider,
    fields: field,
    action,
    outcome,
    actor,
  })) {
    if (value === undefined) continue;
    if (typeof value !== 'string') {
      throw invalidArgument(`"${name}" of an audit query must be a string.`);
    }
    filter[name] = value;
  }
  for (const date of [since, until]) {
    if (date !== undefined && !(types.isDate(date) && !Number.isNaN(date.getTime()))) {
      throw invalidArgument('"since" and "until" of an audit query must be dates.');
    }
  }
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw invalidArgument('"limit" of an audit query must be a positive integer.');
  }
  const at = { ...(since && { $gte: since }), ...(until && { $lt: until }) };
  return { filter: { ...filter, ...((since || until) && { at }) }, limit };
}

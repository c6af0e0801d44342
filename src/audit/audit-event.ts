/**
 * The kind of operation on a record.
 *
 * @public
 */
export type AuditAction =
  | 'get'
  | 'list'
  | 'status'
  | 'put'
  | 'patch'
  | 'delete'
  | 'rollback'
  | 'purge'
  | 'history'
  | 'override'
  | 'migrate'
  | 'rotate'
  | 'verify'
  | 'erase'
  | 'find'
  | 'reindex'
  | 'rotate-credential'
  | 'test'
  | 'refresh'
  | 'health'
  | 'webhook';

/**
 * One access, write, refusal or override. It names fields and holds no value.
 *
 * @public
 */
export interface AuditEvent {
  readonly at: Date;
  readonly action: AuditAction;
  readonly tenantId: string;
  readonly provider: string;
  /** Names of the fields that were read or written. */
  readonly fields: readonly string[];
  /** `refused` when this library said no, `failed` when the store or the provider did. */
  readonly outcome: 'ok' | 'refused' | 'failed';
  /** The code of the error, unless the outcome is `ok`. */
  readonly code?: string;
  /** How many refusals of the action `webhook` the event sums up; absent for one. */
  readonly count?: number;
  readonly rev?: number;
  readonly keyId?: string;
  /** Who did it, as the caller said. */
  readonly actor?: string;
  /** Why, as the caller said. */
  readonly reason?: string;
  /** Where the credentials came from. */
  readonly source: 'vault' | 'cache' | 'environment' | 'settings';
}

import type { AuditEvent } from '../audit/audit-event.ts';
import type { AuditSink } from '../audit/audit-sink.ts';
import { invalidArgument } from '../errors.ts';
import { assertTenantId } from '../names.ts';
import type { AuditQuery } from './audit-query.ts';
import { BatchQueue } from './batch-queue.ts';
import { storeError } from './errors.ts';
import { type MongoRun, runOn } from './run.ts';
import type { MongoSource } from './types.ts';

/**
 * Options of {@link MongoAuditSink}.
 *
 * @public
 */
export interface MongoAuditSinkOptions {
  /** Name of the collection in a database. @defaultValue `"secrets_audit"` */
  readonly collection?: string;
  /**
   * Seconds after which the server removes an event, by the TTL index that `init` makes.
   *
   * @defaultValue events are kept for ever
   */
  readonly expireAfterSeconds?: number;
  /** Events written by one command, at most. @defaultValue 500 */
  readonly batchSize?: number;
  /**
   * Events that may wait to be written. While the server is away they wait in memory. An event that
   * finds no room is refused, which mode `best-effort` publishes as a failure.
   *
   * @defaultValue 10,000
   */
  readonly maxQueued?: number;
}

// Actors and reasons come from callers. A document over 16 MB is refused by the server, and with it
// the batch, which holds other tenants' events.
const MAX_TEXT = 1024;

/**
 * Audit events in a collection of MongoDB, one document each, and queries for them.
 *
 * Events that arrive while a command is under way are written together by the next one. `write`
 * settles when the server has the event, so that mode `strict` waits for it and `best-effort` need
 * not. Of `actor` and `reason` the first 1,024 characters are kept.
 *
 * @example
 * ```ts
 * const sink = new MongoAuditSink(client.db('crm'), { expireAfterSeconds: 400 * 86_400 });
 * await sink.init(); // once, at start-up: the indexes
 * const vault = new SecretsVault({ store, keys, audit: { sink, mode: 'strict' } });
 *
 * // Who read acme's Twilio token in the last week?
 * const since = new Date(Date.now() - 7 * 86_400_000);
 * await sink.find({ tenantId: 'acme', provider: 'twilio', field: 'authToken', action: 'get', since });
 * ```
 * @public
 */
export class MongoAuditSink implements AuditSink {
  readonly #run: MongoRun;
  readonly #expireAfterSeconds: number | undefined;
  readonly #queue: BatchQueue<AuditEvent>;

  /**
   * @param source - a `Db` or a `Collection` of the official driver, a promise of one, or a function
   * that gives one
   * @throws VaultError `ERR_INVALID_ARGUMENT`
   */
  constructor(source: MongoSource, options: MongoAuditSinkOptions = {}) {
    const { expireAfterSeconds, batchSize = 500, maxQueued = 10_000 } = options;
    for (const [name, value] of Object.entries({ expireAfterSeconds, batchSize, maxQueued })) {
      if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
        throw invalidArgument(`${name} must be a positive integer.`);
      }
    }
    this.#run = runOn('MongoAuditSink', source, options.collection ?? 'secrets_audit');
    this.#expireAfterSeconds = expireAfterSeconds;
    this.#queue = new BatchQueue({
      batchSize,
      maxQueued,
      write: (events) => this.#insert(events),
    });
  }

  /**
   * Makes the indexes; does nothing if they exist, under whatever name. Safe in any number of
   * processes at once.
   *
   * @throws VaultError `ERR_STORE_FAILED` also when the collection has a TTL index of another
   * duration: that one stays until you drop it
   */
  async init(): Promise<void> {
    const expireAfterSeconds = this.#expireAfterSeconds;
    const { ensureIndex } = await import('./indexes.ts');
    await this.#run('init of the audit trail', async (collection, options) => {
      const byTenant = { tenantId: 1, at: 1 } as const;
      await ensureIndex(collection, options, byTenant, { name: 'provider_vault_audit' });
      if (expireAfterSeconds === undefined) return;
      const ttl = { name: 'provider_vault_audit_ttl', expireAfterSeconds };
      await ensureIndex(collection, options, { at: 1 }, ttl);
    });
  }

  /**
   * Keeps one event.
   *
   * @throws VaultError the errors of the store; `ERR_STORE_UNAVAILABLE` when too many events wait
   */
  write(event: AuditEvent): Promise<void> {
    return this.#queue.add(event);
  }

  /**
   * Finds the events that match, newest first, including those that are about to be written.
   *
   * @throws VaultError `ERR_INVALID_ARGUMENT` when a condition is not of its type; the store's errors
   */
  async find(query: AuditQuery = {}): Promise<AuditEvent[]> {
    const { auditFilter } = await import('./audit-query.ts');
    const { filter, limit } = auditFilter({ ...query, ...cut(query) });
    await this.flush();
    const documents = await this.#run('find in the audit trail', (collection, { read }) =>
      collection
        .find(filter, { ...read, sort: { at: -1 }, limit, projection: { _id: 0 } })
        .toArray(),
    );
    return documents as AuditEvent[];
  }

  /**
   * Removes the events of a tenant, for `eraseTenant`.
   *
   * @returns how many were removed
   */
  async erase(tenantId: string): Promise<number> {
    assertTenantId(tenantId);
    await this.flush();
    return this.#run('erasure in the audit trail', async (collection, { bulk, collation }) => {
      const deletion = { deleteMany: { filter: { tenantId }, ...collation } };
      const { deletedCount } = (await collection.bulkWrite([deletion], bulk)) as {
        deletedCount: number;
      };
      return deletedCount;
    });
  }

  /** Waits until all events are written, or their writers know that they could not be. */
  flush(): Promise<void> {
    return this.#queue.drained();
  }

  /** Writes the events that wait, and accepts no more. The connection stays open. */
  async close(): Promise<void> {
    this.#queue.close();
    await this.flush();
  }

  #insert(events: readonly AuditEvent[]): Promise<ReadonlyMap<number, unknown>> {
    return this.#run('write to the audit trail', async (collection, { bulk }) => {
      const inserts = events.map((event) => ({
        insertOne: { document: { ...event, ...cut(event) } },
      }));
      try {
        await collection.bulkWrite(inserts, bulk);
        return new Map();
      } catch (error) {
        // The server refused some, and has the others.
        const { writeErrors } = error as { writeErrors?: unknown };
        const refused = [writeErrors ?? []].flat() as { index: number }[];
        if (refused.length === 0) throw error;
        return new Map(refused.map((one) => [one.index, storeError(error, 'writing an event')]));
      }
    });
  }
}

function cut(texts: Pick<AuditEvent, 'actor' | 'reason'>): Pick<AuditEvent, 'actor' | 'reason'> {
  const { actor, reason } = texts;
  return {
    ...(typeof actor === 'string' && { actor: actor.slice(0, MAX_TEXT) }),
    ...(typeof reason === 'string' && { reason: reason.slice(0, MAX_TEXT) }),
  };
}

import { invalidArgument } from '../errors.ts';
import { type MongoRun, runOn } from '../stores/mongo-run.ts';
import type { MongoSource } from '../stores/mongo-types.ts';
import type { AuditEvent } from './audit-event.ts';
import { type AuditQuery, auditFilter } from './audit-query.ts';
import type { AuditSink } from './audit-sink.ts';
import { BatchQueue } from './batch-queue.ts';

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
   * Events that wait to be written, at most. While the server is away they wait in memory; one that
   * finds no room is refused, which in mode `best-effort` is published as a failure.
   *
   * @defaultValue 10,000
   */
  readonly maxQueued?: number;
}

/**
 * Audit events in a collection of MongoDB, one document each, and the way to ask for them.
 *
 * Events that come while a command is under way go together with the next one. `write` settles when
 * the server has the event, so that mode `strict` waits for it and `best-effort` need not.
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
   * Makes the indexes; does nothing where they are. Safe in any number of processes at once.
   *
   * @throws VaultError `ERR_STORE_FAILED` also when the collection has a TTL index of another
   * duration: that one stays until you drop it
   */
  async init(): Promise<void> {
    await this.#run('init of the audit trail', async (collection) => {
      const byTenant = { tenantId: 1, at: 1 } as const;
      await collection.createIndex(byTenant, { name: 'provider_vault_audit' });
      if (this.#expireAfterSeconds === undefined) return;
      await collection.createIndex(
        { at: 1 },
        { name: 'provider_vault_audit_ttl', expireAfterSeconds: this.#expireAfterSeconds },
      );
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
   * The events that match, newest first; those that wait to be written are written before.
   *
   * @throws VaultError `ERR_INVALID_ARGUMENT` when a condition is not of its type; the store's errors
   */
  async find(query: AuditQuery = {}): Promise<AuditEvent[]> {
    const { filter, limit } = auditFilter(query);
    await this.flush();
    const documents = await this.#run('find in the audit trail', (collection) =>
      collection.find(filter, { sort: { at: -1 }, limit, projection: { _id: 0 } }).toArray(),
    );
    return documents as AuditEvent[];
  }

  /** Waits until no event waits. What could not be written was reported to its writer. */
  flush(): Promise<void> {
    return this.#queue.drained();
  }

  /** Writes what waits, and takes no more. The connection stays open. */
  async close(): Promise<void> {
    this.#queue.close();
    await this.flush();
  }

  async #insert(events: readonly AuditEvent[]): Promise<void> {
    await this.#run('write to the audit trail', (collection) =>
      collection.bulkWrite(
        events.map((event) => ({ insertOne: { document: { ...event } } })),
        { ordered: false },
      ),
    );
  }
}

import { VaultError } from '../errors.ts';
import { refKey, type SecretRecord, type SecretRef } from '../record.ts';
import {
  assertParts,
  DEFAULT_SCAN_BATCH,
  rangesBetween,
  type ScanQuery,
  type ScanRange,
  type SecretStore,
  type StoreLookup,
  type StoreReadOptions,
  type StoreWrite,
} from '../stores/secret-store.ts';
import { storeError } from './errors.ts';
import { fromRow, type Row, type Statements, statements, toRow } from './rows.ts';
import { type PostgresListen, type PostgresQuery, type PostgresRun, runOn } from './run.ts';
import {
  channelOf,
  createLookupIndex,
  createTable,
  initLookupIndex,
  initTable,
  type PostgresTableOptions,
  quoteTable,
} from './table.ts';

/**
 * Options of {@link PostgresSecretStore}.
 *
 * @public
 */
export interface PostgresSecretStoreOptions extends PostgresTableOptions {
  /** Listens to notifications. Without it `watch` is `ERR_STORE_FAILED`. */
  readonly listen?: PostgresListen;
}

const DEFAULT_TABLE = 'secrets';
// A hundred records with a long history must not make a statement of hundreds of megabytes.
const MAX_STATEMENT_CHARACTERS = 8 * 1024 * 1024;
const SAMPLE_PER_RANGE = 500;

/**
 * Records in a table of PostgreSQL 12 or later, one row each.
 *
 * It takes one function that runs a statement, and neither opens nor closes a connection. Give it the
 * primary server. Whatever the connection says, strings are compared by bytes, and a write is on the
 * server's disk when it is acknowledged.
 *
 * @example
 * ```ts
 * const pool = new Pool(); // of pg
 * const store = new PostgresSecretStore((text, values) => pool.query(text, values));
 * await store.init(); // once, at start-up: the table
 * ```
 * @public
 */
export class PostgresSecretStore implements SecretStore {
  readonly #run: PostgresRun;
  readonly #table: string;
  readonly #sql: Statements;
  readonly #channel: string;
  readonly #listen: PostgresListen | undefined;

  /**
   * @param query - runs one statement
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a query that is not a function, or the name of a
   * table that is not allowed
   */
  constructor(query: PostgresQuery, options: PostgresSecretStoreOptions = {}) {
    const { table = DEFAULT_TABLE, listen } = options;
    this.#table = quoteTable(table);
    this.#channel = channelOf(table);
    this.#sql = statements(this.#table, this.#channel);
    this.#run = runOn('PostgresSecretStore', query, this.#table);
    this.#listen = listen;
  }

  /** The SQL statements that make the table and its index, for a migration tool; `init` does the same. */
  static schema({ table = DEFAULT_TABLE }: PostgresTableOptions = {}): string {
    const quoted = quoteTable(table);
    return `${createTable(quoted)};\n${createLookupIndex(quoted)};\n`;
  }

  /**
   * Makes the table and its index unless they exist, and checks the table. Safe in any number of processes at once.
   *
   * @throws VaultError `ERR_STORE_FAILED` with what to do, when the table is not as `schema` makes it
   */
  async init(): Promise<void> {
    await initTable(this.#run, this.#table);
    await initLookupIndex(this.#run, this.#table);
  }

  async get(ref: SecretRef, reading?: StoreReadOptions): Promise<SecretRecord | undefined> {
    const where = 'WHERE s.tenant_id = $1::text AND s.provider = $2::text';
    const [record] = await this.#read('get', where, [ref.tenantId, ref.provider], reading);
    return record;
  }

  async getMany(refs: readonly SecretRef[], reading?: StoreReadOptions): Promise<SecretRecord[]> {
    if (refs.length === 0) return [];
    const wanted = new Map(refs.map((ref) => [refKey(ref), [ref.tenantId, ref.provider]]));
    return this.#read('getMany', this.#sql.wanted, [JSON.stringify([...wanted.values()])], reading);
  }

  list(tenantId: string, reading?: StoreReadOptions): Promise<SecretRecord[]> {
    const where = 'WHERE s.tenant_id = $1::text ORDER BY s.provider';
    return this.#read('list', where, [tenantId], reading);
  }

  async put(record: SecretRecord, expected: string | null): Promise<boolean> {
    const [written = false] = await this.putMany([{ record, expected }]);
    return written;
  }

  async putMany(writes: readonly StoreWrite[]): Promise<boolean[]> {
    const done: boolean[] = writes.map(() => false);
    // In one order in all processes, which keeps them from waiting for each other in a circle.
    const sorted = [...writes.keys()].map((at) => ({
      at,
      key: refKey((writes[at] as StoreWrite).record),
    }));
    sorted.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.at - b.at));
    let batch = new Map<string, number>();
    let rows: string[] = [];
    let characters = 0;
    const flush = async () => {
      if (rows.length === 0) return;
      const written = await this.#run<Row>('put', this.#sql.write, [`[${rows.join()}]`]);
      for (const { tenant, provider } of written) {
        const at = batch.get(refKey({ tenantId: tenant, provider }));
        if (at !== undefined) done[at] = true;
      }
      [batch, rows, characters] = [new Map(), [], 0];
    };
    for (const { at, key } of sorted) {
      const row = toRow(writes[at] as StoreWrite);
      if (batch.has(key) || characters + row.length > MAX_STATEMENT_CHARACTERS) await flush();
      batch.set(key, at);
      rows.push(row);
      characters += row.length;
    }
    await flush();
    return done;
  }

  async delete({ tenantId, provider }: SecretRef, expected?: string): Promise<boolean> {
    const values = [tenantId, provider, expected ?? null];
    return (await this.#run('delete', this.#sql.delete, values)).length === 1;
  }

  async *scan(query: ScanQuery): AsyncIterable<SecretRecord[]> {
    const { batchSize = DEFAULT_SCAN_BATCH, until, keyId } = query;
    let { after } = query;
    for (;;) {
      const values: string[] = [];
      const value = (text: string) => `$${values.push(text)}::text`;
      const bound = (operator: string, ref: SecretRef) =>
        `(s.tenant_id, s.provider) ${operator} (${value(ref.tenantId)}, ${value(ref.provider)})`;
      const conditions = [
        ...(after ? [bound('>', after)] : []),
        ...(until ? [bound('<=', until)] : []),
        ...(keyId === undefined ? [] : [`s.metadata->>'keyId' = ${value(keyId)}`]),
      ];
      const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')} ` : '';
      const limit = `${value(String(batchSize))}::int`;
      const order = `ORDER BY s.tenant_id, s.provider LIMIT ${limit}`;
      const records = await this.#read('scan', where + order, values);
      if (records.length > 0) yield records;
      if (records.length < batchSize) return;
      after = records.at(-1);
    }
  }

  async find({ provider, digests }: StoreLookup): Promise<string[]> {
    const found = await this.#run<Row>('find', this.#sql.find, [provider, JSON.stringify(digests)]);
    return found.map(({ tenant }) => tenant);
  }

  async count(): Promise<number> {
    const [row] = await this.#run<{ count: string }>('count', this.#sql.count);
    return Number(row?.count ?? 0);
  }

  /** Ranges of about equal size, from a sample of a large table, which takes no time. */
  async split(parts: number): Promise<ScanRange[]> {
    assertParts(parts);
    const [estimate] = await this.#run<{ count: string }>('split', this.#sql.estimate);
    // Less than 1 where the table was never analyzed.
    const share = (parts * SAMPLE_PER_RANGE) / Math.max(1, Number(estimate?.count ?? 0));
    const percent = String(Math.min(100, share * 100));
    const lasts = await this.#run<Row>('split', this.#sql.split, [percent, String(parts)]);
    const bounds = lasts
      .slice(0, -1)
      .map(({ tenant, provider }) => ({ tenantId: tenant, provider }));
    return rangesBetween(bounds);
  }

  /**
   * Reports changes by `LISTEN`: every statement of a store that writes sends a notification. Rows
   * that other software changes are not reported.
   *
   * @throws VaultError `ERR_STORE_FAILED` without the option `listen`
   */
  async watch(
    listener: (ref: SecretRef) => void,
    onGap: (restored?: Promise<void>) => void = () => {},
  ): Promise<() => Promise<void>> {
    if (this.#listen === undefined) {
      throw new VaultError('ERR_STORE_FAILED', 'PostgreSQL: watch needs the option listen.');
    }
    let stopped = false;
    const onMessage = (payload: string) => {
      if (stopped) return;
      const ref = refIn(payload);
      if (ref === undefined) onGap();
      else listener(ref);
    };
    try {
      const stop = await this.#listen(this.#channel, onMessage, (restored) => {
        if (!stopped) onGap(restored);
      });
      return async () => {
        stopped = true;
        await Promise.resolve()
          .then(stop)
          .catch(() => {}); // the server may be gone
      };
    } catch (error) {
      throw storeError(error, 'watch', this.#table);
    }
  }

  async #read(
    operation: string,
    rest: string,
    values: string[],
    reading?: StoreReadOptions,
  ): Promise<SecretRecord[]> {
    const { select, selectCurrent } = this.#sql;
    const columns = reading?.history === false ? selectCurrent : select;
    return (await this.#run<Row>(operation, `${columns} ${rest}`, values)).map(fromRow);
  }
}

function refIn(payload: string): SecretRef | undefined {
  try {
    const [tenantId, provider] = JSON.parse(payload);
    return typeof tenantId === 'string' && typeof provider === 'string'
      ? { tenantId, provider }
      : undefined;
  } catch {
    return undefined; // sent by other software
  }
}

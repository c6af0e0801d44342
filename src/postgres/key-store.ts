import type { KeyEntry, KeyScanQuery, KeyStore } from '../stores/key-store.ts';
import { fromKeyRecord, keyRef, toKeyRecord, toRecordQuery } from '../stores/key-table.ts';
import type { PostgresQuery } from './run.ts';
import { PostgresSecretStore } from './store.ts';
import type { PostgresTableOptions } from './table.ts';

const DEFAULT_TABLE = 'vault_keys';

/**
 * Wrapped keys in a table of PostgreSQL, by default `vault_keys`, one row per tenant. It may be in
 * another database than the records; a table of records does not serve.
 *
 * What is erased is gone from the table at once, and from the server's files once the table was
 * vacuumed and its write-ahead log and backups have expired.
 *
 * @example
 * ```ts
 * const pool = new Pool(); // of pg
 * const store = new PostgresKeyStore((text, values) => pool.query(text, values));
 * await store.init(); // once, at start-up: the table
 * ```
 * @public
 */
export class PostgresKeyStore implements KeyStore {
  readonly #rows: PostgresSecretStore;

  /**
   * @param query - runs one statement, as for {@link PostgresSecretStore}
   * @throws VaultError `ERR_INVALID_ARGUMENT` for a query that is not a function, or the name of a
   * table that is not allowed
   */
  constructor(query: PostgresQuery, { table = DEFAULT_TABLE }: PostgresTableOptions = {}) {
    this.#rows = new PostgresSecretStore(query, { table });
  }

  /** The SQL statement that makes the table, for a migration tool; `init` does the same. */
  static schema({ table = DEFAULT_TABLE }: PostgresTableOptions = {}): string {
    return PostgresSecretStore.schema({ table });
  }

  /**
   * Makes the table unless it exists, and checks it. Safe in any number of processes at once.
   *
   * @throws VaultError `ERR_STORE_FAILED` with what to do, when the table is not as `schema` makes it
   */
  async init(): Promise<void> {
    await this.#rows.init();
  }

  async get(tenantId: string): Promise<KeyEntry | undefined> {
    const record = await this.#rows.get(keyRef(tenantId));
    return record && fromKeyRecord(record);
  }

  put(entry: KeyEntry, expected: string | null): Promise<boolean> {
    return this.#rows.put(toKeyRecord(entry), expected);
  }

  async *scan(query: KeyScanQuery): AsyncIterable<KeyEntry[]> {
    for await (const batch of this.#rows.scan(toRecordQuery(query))) yield batch.map(fromKeyRecord);
  }
}

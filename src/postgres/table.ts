import { setTimeout as sleep } from 'node:timers/promises';
import { invalidArgument, VaultError } from '../errors.ts';
import { sqlState } from './errors.ts';
import type { PostgresRun } from './run.ts';

/**
 * Which table.
 *
 * @public
 */
export interface PostgresTableOptions {
  /**
   * Its name, or `schema.name`: letters, digits and underscores, at most 63 each. Upper case is kept.
   */
  readonly table?: string;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const BYTEWISE = ['C', 'POSIX', 'ucs_basic'];
const COLUMNS: Record<string, string> = {
  tenant_id: 'text',
  provider: 'text',
  data: 'text',
  metadata: 'jsonb',
  history: 'jsonb',
  extra: 'jsonb',
};
const TABLES = ['r', 'p']; // kinds of pg_class: tables, and partitioned ones
const CREATE_ATTEMPTS = 6;
const LOOKUP = "(metadata->'lookup')";

/**
 * The name as SQL takes it.
 *
 * @throws VaultError `ERR_INVALID_ARGUMENT`
 * @internal
 */
export function quoteTable(table: string): string {
  const names = typeof table === 'string' ? table.split('.') : [];
  if (names.length < 1 || names.length > 2 || !names.every((name) => NAME.test(name))) {
    throw invalidArgument(
      'table must be a name, or schema.name, of letters, digits and underscores, with at most 63 characters each.',
    );
  }
  return names.map((name) => `"${name}"`).join('.');
}

/** The channel on which a table's changes are reported. Names that are alike share one. @internal */
export function channelOf(table: string): string {
  return `provider_vault_${table.replace('.', '_')}`.toLowerCase().slice(0, 63);
}

/** The statement that makes a table. @internal */
export function createTable(quoted: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted} (
  tenant_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  data text COLLATE "C",
  metadata jsonb,
  history jsonb,
  extra jsonb,
  PRIMARY KEY (tenant_id, provider)
)`;
}

/**
 * Makes a table unless it is there, and checks it. It needs no right to create one that is there.
 *
 * @throws VaultError `ERR_STORE_FAILED` with what to do about a table that does not fit
 * @internal
 */
export async function initTable(run: PostgresRun, quoted: string): Promise<void> {
  const describe = () => run<Column>('init', DESCRIBE, [quoted]);
  let columns = await describe();
  if (columns.length === 0) {
    await creating(run, createTable(quoted));
    columns = await describe();
  }
  refuseUnfit(quoted, columns);
}

/** Makes a table or an index; IF NOT EXISTS does not keep two processes from making the same one. */
async function creating(run: PostgresRun, statement: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await run('init', statement);
      return;
    } catch (error) {
      const race = /^(23505|42P07|42710|XX000)$/.test(sqlState(error) ?? '');
      if (!race || attempt === CREATE_ATTEMPTS) throw error;
      await sleep(Math.random() * 50 * attempt);
    }
  }
}

/** The statement that makes the index for lookups. @internal */
export function createLookupIndex(quoted: string): string {
  return `CREATE INDEX IF NOT EXISTS ${indexName(quoted)} ON ${quoted} USING gin (${LOOKUP})`;
}

/** An index is in the schema of its table. A name has 63 characters at most. */
function indexName(quoted: string): string {
  const table = quoted.split('.').at(-1) as string;
  return `${table.slice(0, 57).replace(/"$/, '')}_lookup"`;
}

/**
 * Makes the index for lookups unless the table has one. It needs no right to create one that is there.
 *
 * @throws VaultError `ERR_STORE_FAILED` with what to do where something else has the name of the index
 * @internal
 */
export async function initLookupIndex(run: PostgresRun, quoted: string): Promise<void> {
  const isThere = async () => (await run('init', FIND_INDEX, [quoted])).length > 0;
  if (await isThere()) return;
  await creating(run, createLookupIndex(quoted));
  if (await isThere()) return;
  throw unfit(
    quoted,
    `has no index for lookups, as something else is named ${indexName(quoted)}`,
    `Run: CREATE INDEX ON ${quoted} USING gin (${LOOKUP})`,
  );
}

// By what it indexes: one of another name serves as well.
const FIND_INDEX = `SELECT 1 AS found FROM pg_index i
WHERE i.indrelid = to_regclass($1::text) AND i.indisvalid AND i.indpred IS NULL
  AND pg_get_indexdef(i.indexrelid) LIKE '% USING gin (((metadata -> ''lookup''::text)))'`;

interface Column {
  readonly name: string;
  readonly type: string;
  readonly collation: string | null;
  readonly unique: string;
  readonly kind: string;
}

const DESCRIBE = `SELECT a.attname::text AS name, format_type(a.atttypid, NULL)::text AS type,
  c.collname::text AS collation,
  EXISTS (SELECT 1 FROM pg_index i
    WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
    AND (SELECT array_agg(k.attname::text ORDER BY k.attname) FROM pg_attribute k
      WHERE k.attrelid = i.indrelid
      AND k.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) = '{provider,tenant_id}'
  )::text AS unique, t.relkind::text AS kind
FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped`;

function refuseUnfit(quoted: string, columns: readonly Column[]): void {
  const kind = columns[0]?.kind ?? '';
  if (!TABLES.includes(kind)) {
    throw unfit(quoted, 'is no table of its own, but a view or the like', 'Use another name.');
  }
  const found = new Map(columns.map((column) => [column.name, column]));
  for (const [name, type] of Object.entries(COLUMNS)) {
    const column = found.get(name);
    if (column?.type !== type) {
      throw unfit(quoted, `needs a column ${name} of type ${type}`, 'Use another table.');
    }
    if (type === 'text' && !BYTEWISE.includes(column.collation ?? '')) {
      throw unfit(
        quoted,
        `compares ${name} by the collation ${column.collation}, not by bytes`,
        `Run: ALTER TABLE ${quoted} ALTER COLUMN ${name} TYPE text COLLATE "C"`,
      );
    }
  }
  if (columns[0]?.unique !== 'true') {
    throw unfit(
      quoted,
      'does not keep tenant_id and provider unique',
      `Run: ALTER TABLE ${quoted} ADD PRIMARY KEY (tenant_id, provider)`,
    );
  }
}

function unfit(quoted: string, what: string, todo: string): VaultError {
  return new VaultError('ERR_STORE_FAILED', `PostgreSQL: the table ${quoted} ${what}. ${todo}`);
}

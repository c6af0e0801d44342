import { METADATA_MEMBERS, type SecretRecord } from '../record.ts';
import { fromJson, toJson } from '../stores/file/format.ts';
import { isPlainObject } from '../stores/record-table.ts';
import type { StoreWrite } from '../stores/secret-store.ts';

/** What a read selects, all of it text. @internal */
export interface Row {
  readonly tenant: string;
  readonly provider: string;
  readonly data: string | null;
  readonly metadata: string | null;
  readonly history: string | null;
  readonly extra: string | null;
}

/**
 * A write as one element of the JSON list that `writes` takes apart. Members of another kind than
 * their column, as a record of the old system may have, go into `extra`.
 *
 * @throws VaultError `ERR_STORE_FAILED` for a value that JSON cannot keep
 * @internal
 */
export function toRow({ record, expected }: StoreWrite): string {
  const { tenantId, provider, data, metadata, history, ...others } = record;
  const columns: Record<string, unknown> = {};
  const extra: Record<string, unknown> = { ...others };
  const place = (name: string, value: unknown, fits: boolean) => {
    if (value !== undefined) (fits ? columns : extra)[name] = value;
  };
  place('data', data, typeof data === 'string');
  place('metadata', metadata, isPlainObject(metadata));
  place('history', history, Array.isArray(history));
  const json = Object.entries({ ...columns, ...(Object.keys(extra).length > 0 && { extra }) });
  const members = Object.fromEntries(json.map(([name, value]) => [name, toJson(value)]));
  return JSON.stringify({ tenant: tenantId, provider, expected, ...members });
}

/** @internal */
export function fromRow({ tenant, provider, data, metadata, history, extra }: Row): SecretRecord {
  return {
    tenantId: tenant,
    provider,
    ...(data !== null && { data }),
    ...(metadata !== null && { metadata: parse(metadata) }),
    ...(history !== null && { history: parse(history) }),
    ...(extra !== null && (parse(extra) as object)),
  } as SecretRecord;
}

const parse = (text: string) => fromJson(JSON.parse(text));

const names = (list: readonly string[]) => `'{${list.join(',')}}'::text[]`;

/** The etag of a stored row [R6]. */
const ETAG = `CASE WHEN left(s.data, 16) ~ '^[A-Za-z0-9+/]{16}' THEN left(s.data, 16) ELSE '' END`;

// [R7] What other software keeps in the row or its metadata stays. Whatever the connection says, the
// server answers after the write is on its disk, and on those of its synchronous standbys.
const REPORT = `SELECT tenant_id AS tenant, provider,
  pg_notify('CHANNEL', json_build_array(tenant_id, provider)::text)::text AS told,
  CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
    THEN set_config('synchronous_commit', 'on', true) END AS durable`;

/** The statements on one table. @internal */
export type Statements = ReturnType<typeof statements>;

/**
 * @param table - quoted
 * @internal
 */
export function statements(table: string, channel: string) {
  const select = (history: string) =>
    `SELECT s.tenant_id AS tenant, s.provider, s.data, s.metadata::text AS metadata, ${history} AS history, s.extra::text AS extra FROM ${table} AS s`;
  const report = REPORT.replace('CHANNEL', channel);
  return {
    select: select('s.history::text'),
    selectCurrent: select('NULL::text'),
    count: `SELECT count(*)::text AS count FROM ${table}`,
    /** `$1`: a JSON list of {@link toRow}, no address twice. Returns the addresses that were written. */
    write: `WITH w AS (
  SELECT * FROM json_to_recordset($1::text::json) AS w(tenant text, provider text, expected text, data text, metadata jsonb, history jsonb, extra jsonb)
), replaced AS (
  UPDATE ${table} AS s SET data = w.data, history = w.history,
    metadata = nullif(coalesce(s.metadata, '{}') - ${names(METADATA_MEMBERS)} || coalesce(w.metadata, '{}'), '{}'),
    extra = nullif(coalesce(s.extra, '{}') - ${names(['data', 'metadata', 'history'])} || coalesce(w.extra, '{}'), '{}')
  FROM w
  WHERE w.expected IS NOT NULL AND s.tenant_id = w.tenant AND s.provider = w.provider AND ${ETAG} = w.expected
  RETURNING s.tenant_id, s.provider
), inserted AS (
  INSERT INTO ${table} (tenant_id, provider, data, metadata, history, extra)
  SELECT tenant, provider, data, metadata, history, extra FROM w WHERE expected IS NULL
  ON CONFLICT (tenant_id, provider) DO NOTHING
  RETURNING tenant_id, provider
)
${report} FROM (SELECT * FROM replaced UNION ALL SELECT * FROM inserted) AS written`,
    /** `$2`: a JSON list of entries of `metadata.lookup`. The operator is that of the index. */
    find: `SELECT DISTINCT s.tenant_id AS tenant FROM ${table} AS s
WHERE s.provider = $1::text AND s.metadata->'lookup' ?| ARRAY(SELECT json_array_elements_text($2::text::json)) ORDER BY 1`,
    /** `$3`: the etag, or `null` for any. */
    delete: `WITH deleted AS (
  DELETE FROM ${table} AS s WHERE s.tenant_id = $1::text AND s.provider = $2::text AND ($3::text IS NULL OR ${ETAG} = $3::text)
  RETURNING s.tenant_id, s.provider
)
${report} FROM deleted`,
    /** `$1`: a JSON list of `[tenantId, provider]`. */
    wanted: `JOIN (SELECT r->>0 AS tenant, r->>1 AS provider FROM json_array_elements($1::text::json) AS r) AS r ON s.tenant_id = r.tenant AND s.provider = r.provider`,
    /** The last addresses of about equal ranges of a sample: `$1` percent of the pages, `$2` ranges. */
    split: `SELECT max(tenant_id) AS tenant, (array_agg(provider ORDER BY tenant_id DESC, provider DESC))[1] AS provider
FROM (SELECT tenant_id, provider, ntile($2::text::int) OVER (ORDER BY tenant_id, provider) AS range
  FROM ${table} TABLESAMPLE SYSTEM ($1::text::float8)) AS sample
GROUP BY range ORDER BY range`,
    estimate: `SELECT reltuples::text AS count FROM pg_class WHERE oid = to_regclass('${table}')`,
  };
}
